package schema

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

//go:embed *.sql
var schemaFiles embed.FS

// State says how far the schema of a database is.
type State struct {
	Name    string
	Version int64   // the last step that was taken; 0: none
	Pending []int64 // the steps that this program would take
	Newer   bool    // a newer version of this program has taken steps after which this one does not work
}

// errNewer says that the schema is not for this program.
var errNewer = errors.New("a newer version of this program has changed the store's schema: use that version")

// Read says how far the schema is, and changes nothing. It does not use goose, which would make its table.
func Read(ctx context.Context, db *pgdb.DB) (State, error) {
	state := State{Name: db.Schema}
	all, err := steps(db)
	if err != nil {
		return state, err
	}
	table := db.Schema + ".schema_versions"
	var known bool
	if err := db.Pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&known); err != nil {
		return state, fmt.Errorf("%w: %w", pgdb.ErrUnavailable, err)
	}
	if known {
		if err := db.Pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM `+table+` WHERE is_applied`).Scan(&state.Version); err != nil {
			return state, fmt.Errorf("%w: %w", pgdb.ErrUnavailable, err)
		}
	}
	for _, step := range all {
		if step.Version > state.Version {
			state.Pending = append(state.Pending, step.Version)
		}
	}
	if last := all[len(all)-1].Version; state.Version > last {
		least, err := leastStep(ctx, db)
		if err != nil {
			return state, fmt.Errorf("%w: %w", pgdb.ErrUnavailable, err)
		}
		state.Newer = least > last
	}
	return state, nil
}

// leastStep is the earliest step whose program works with the schema: that of a newer version says so itself.
func leastStep(ctx context.Context, db *pgdb.DB) (least int64, err error) {
	err = db.Pool.QueryRow(ctx, db.SQL(`SELECT data_api.least_step()`)).Scan(&least)
	return least, err
}

// Migrate makes the schema, if there is none, and takes the steps that are missing. It waits for other servers that do so. A role that
// could not work with the schema is refused.
func Migrate(ctx context.Context, db *pgdb.DB, log *slog.Logger) error {
	if err := checkRights(ctx, db); err != nil {
		return err
	}
	state, err := Read(ctx, db)
	switch {
	case err != nil:
		return err
	case state.Newer:
		return errNewer
	case len(state.Pending) == 0: // or a newer version has taken steps that leave this one working
		return nil
	}
	if err := makeSchema(ctx, db); err != nil {
		return err
	}
	all, err := steps(db)
	if err != nil {
		return err
	}
	pool := stdlib.OpenDBFromPool(db.Pool)
	defer pool.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, pool, nil,
		goose.WithGoMigrations(all...), goose.WithDisableGlobalRegistry(true),
		goose.WithTableName(db.Schema+".schema_versions"), goose.WithLocker(&migrationLock{key: db.LockKey("")}),
		goose.WithSlog(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		return err
	}
	taken, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("bringing the schema %s up to date: %w", db.Schema, err)
	}
	if len(taken) > 0 {
		log.Info("the store's schema was brought up to date", slog.String("schema", db.Schema),
			slog.Int64("from", state.Version), slog.Int64("to", taken[len(taken)-1].Source.Version))
	}
	return nil
}

// makeSchema makes the schema, if there is none: IF NOT EXISTS would ask for the right to make one even if there is.
func makeSchema(ctx context.Context, db *pgdb.DB) error {
	var known bool
	if err := db.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, db.Schema).Scan(&known); err != nil {
		return fmt.Errorf("%w: %w", pgdb.ErrUnavailable, err)
	}
	if known {
		return nil
	}
	_, err := db.Pool.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+db.Schema)
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch failure.Code {
		case "23505", "42P06": // another server has just made it
			return nil
		case "42501":
			return fmt.Errorf("the role may not make the schema %[1]s: run CREATE SCHEMA %[1]s AUTHORIZATION of that role: %[2]w", db.Schema, err)
		}
	}
	return err
}

// steps are the migrations, in their order.
func steps(db *pgdb.DB) (all []*goose.Migration, err error) {
	files, err := fs.Glob(schemaFiles, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		number, _, _ := strings.Cut(path.Base(file), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		text, err := schemaFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, unhurried+db.SQL(string(text)), pgx.QueryExecModeSimpleProtocol)
			return err
		}}, nil))
	}
	return all, nil
}

// unhurried takes limits from a transaction that the role or the database may have for its sessions. One that waits for another server's
// steps, or holds the lock while steps are taken beside it, takes as long as that.
const unhurried = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;\n"

// migrationLock keeps all servers but one from migrating. It is held by a transaction of its own, and not by a session, so
// that it works through a proxy that shares sessions.
type migrationLock struct {
	key int64
	tx  *sql.Tx
}

// Lock implements goose's lock.Locker.
func (l *migrationLock) Lock(ctx context.Context, db *sql.DB) (err error) {
	if l.tx, err = db.BeginTx(ctx, nil); err != nil {
		return err
	}
	_, err = l.tx.ExecContext(ctx, unhurried, pgx.QueryExecModeSimpleProtocol)
	if err == nil {
		_, err = l.tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, l.key)
	}
	if err != nil {
		return errors.Join(err, l.tx.Rollback())
	}
	return nil
}

// Unlock implements goose's lock.Locker.
func (l *migrationLock) Unlock(context.Context, *sql.DB) error { return l.tx.Commit() }
