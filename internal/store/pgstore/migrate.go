package pgstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema says how far the schema of a database is.
type Schema struct {
	Name    string
	Version int64   // the last step that was taken; 0: none
	Pending []int64 // the steps that this program would take
	Newer   bool    // a newer version of this program has taken steps after which this one does not work
}

// errNewer says that the schema is not for this program.
var errNewer = errors.New("a newer version of this program has changed the store's schema: use that version")

// Check says how far the schema of a database is, and changes nothing.
func Check(ctx context.Context, dsn string, options Options) (Schema, error) {
	s, err := connect(ctx, dsn, options)
	if err != nil {
		return Schema{}, err
	}
	defer s.pool.Close()
	state, err := s.schema(ctx)
	if err != nil {
		return Schema{}, fmt.Errorf("store: %w", err)
	}
	return state, nil
}

// Migrate brings the schema of a database up to date, as Open does, and says how far it is then.
func Migrate(ctx context.Context, dsn string, options Options) (Schema, error) {
	opened, err := Open(ctx, dsn, options)
	if err != nil {
		return Schema{}, err
	}
	defer opened.Close()
	return opened.schema(ctx)
}

// schema reads how far the schema is. It does not use goose, which would make its table.
func (s *Store) schema(ctx context.Context) (Schema, error) {
	state := Schema{Name: s.options.Schema}
	steps, err := s.steps()
	if err != nil {
		return state, err
	}
	table := s.options.Schema + ".schema_versions"
	var known bool
	if err := s.pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&known); err != nil {
		return state, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if known {
		if err := s.pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM `+table+` WHERE is_applied`).Scan(&state.Version); err != nil {
			return state, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	for _, step := range steps {
		if step.Version > state.Version {
			state.Pending = append(state.Pending, step.Version)
		}
	}
	if last := steps[len(steps)-1].Version; state.Version > last {
		least, err := s.leastStep(ctx)
		if err != nil {
			return state, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		state.Newer = least > last
	}
	return state, nil
}

// leastStep is the earliest step whose program works with the schema: that of a newer version says so itself.
func (s *Store) leastStep(ctx context.Context) (least int64, err error) {
	err = s.pool.QueryRow(ctx, s.sql(`SELECT data_api.least_step()`)).Scan(&least)
	return least, err
}

// migrate takes the steps that are missing.
func (s *Store) migrate(ctx context.Context) error {
	state, err := s.schema(ctx)
	switch {
	case err != nil:
		return err
	case state.Newer:
		return errNewer
	case len(state.Pending) == 0: // or a newer version has taken steps that leave this one working
		return nil
	}
	if err := s.makeSchema(ctx); err != nil {
		return err
	}
	steps, err := s.steps()
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(s.pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, nil,
		goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true),
		goose.WithTableName(s.options.Schema+".schema_versions"), goose.WithLocker(&migrationLock{key: lockKey(s.options.Schema)}),
		goose.WithSlog(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		return err
	}
	taken, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("bringing the schema %s up to date: %w", s.options.Schema, err)
	}
	if len(taken) > 0 {
		s.log.Info("the store's schema was brought up to date", slog.String("schema", s.options.Schema),
			slog.Int64("from", state.Version), slog.Int64("to", taken[len(taken)-1].Source.Version))
	}
	return nil
}

// makeSchema makes the schema, if there is none: IF NOT EXISTS would ask for the right to make one even if there is.
func (s *Store) makeSchema(ctx context.Context) error {
	var known bool
	if err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, s.options.Schema).Scan(&known); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if known {
		return nil
	}
	_, err := s.pool.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+s.options.Schema)
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch failure.Code {
		case "23505", "42P06": // another server has just made it
			return nil
		case "42501":
			return fmt.Errorf("the role may not make the schema %[1]s: run CREATE SCHEMA %[1]s AUTHORIZATION of that role: %[2]w", s.options.Schema, err)
		}
	}
	return err
}

// steps are the migrations, in their order.
func (s *Store) steps() (steps []*goose.Migration, err error) {
	files, err := fs.Glob(schemaFiles, "schema/*.sql")
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
		steps = append(steps, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, s.sql(string(text)), pgx.QueryExecModeSimpleProtocol)
			return err
		}}, nil))
	}
	return steps, nil
}

// lockKey is the advisory lock of all that may be done by one server at a time with a schema.
func lockKey(schema string) int64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte("caddy-data-api migration " + schema))
	return int64(hash.Sum64())
}

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
	if _, err = l.tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, l.key); err != nil {
		return errors.Join(err, l.tx.Rollback())
	}
	return nil
}

// Unlock implements goose's lock.Locker.
func (l *migrationLock) Unlock(context.Context, *sql.DB) error { return l.tx.Commit() }
