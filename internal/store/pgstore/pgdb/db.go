package pgdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DefaultSchema is the schema that SQL of the store names.
const DefaultSchema = "data_api"

// connectTimeout bounds one attempt to connect, unless the connection string says otherwise.
const connectTimeout = 5 * time.Second

// Settings say how a database is connected to. All but Renew must be set.
type Settings struct {
	Schema   string
	MaxConns int
	PollOnly bool                   // nothing may last longer than a transaction: no prepared statements with names
	Renew    func() (string, error) // the connection string as it is now; may be nil, or fail: the first one stays
}

// DB is a pool of connections to one schema. It is safe for concurrent use.
type DB struct {
	Schema string
	Pool   *pgxpool.Pool

	// Away says whether the database is known to be away: then nobody waits for it for long. Nil: that is not known. It is set
	// before the first use, if at all.
	Away func() bool

	renew      func() (string, error)
	statements sync.Map // by what is written in the store's packages: what is sent
}

// Connect makes a DB that has not looked at the database yet. The caller closes its Pool.
func Connect(ctx context.Context, dsn string, settings Settings) (*DB, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errUnreadable
	}
	config.MaxConns = int32(settings.MaxConns)
	config.ConnConfig.ConnectTimeout = cmp.Or(config.ConnConfig.ConnectTimeout, connectTimeout)
	if settings.PollOnly {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	} else {
		config.AfterConnect = prepare
	}
	config.ConnConfig.OnNotice = onNotice
	config.BeforeConnect = renewed(settings.Renew)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &DB{Schema: settings.Schema, Pool: pool, renew: settings.Renew}, nil
}

// planning has the database plan a statement once for each connection. The store's statements are long, and look at few rows by their
// keys: to plan one takes several times as long as to run it, and PostgreSQL's own choice is to plan most each time. A plan that is
// kept must be right for a partition that was empty when it was made, and is not now: so it finds each row by an index.
const planning = `SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
	SET jit = off`

// prepare makes a new connection what the others are.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, planning); err != nil {
		return err
	}
	return keepAlive(ctx, conn)
}

// PlanAnew is the first argument of a query that the database is to plan for its arguments: one that reads a part of much, of which
// the arguments say how large that is.
const PlanAnew = pgx.QueryExecModeCacheDescribe

// keepAlive has the database look after a connection, and end it a minute after its server has vanished without a word: the
// usual two hours would let each server that comes back take further ones, up to the most that the database has. Not every
// system can do that.
func keepAlive(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3")
	if _, refused := errors.AsType[*pgconn.PgError](err); refused {
		return nil
	}
	return err
}

// renewed gives each new connection the password of the connection string as it is then.
func renewed(renew func() (string, error)) func(context.Context, *pgx.ConnConfig) error {
	if renew == nil {
		return nil
	}
	return func(_ context.Context, config *pgx.ConnConfig) error {
		dsn, err := renew()
		if err != nil {
			return nil //nolint:nilerr // the password that was there may be good still; if not, the database says so
		}
		if now, err := pgx.ParseConfig(dsn); err == nil {
			config.Password = now.Password
		}
		return nil
	}
}

// ConnectBeside makes a connection that is not the pool's.
func (d *DB) ConnectBeside(ctx context.Context) (*pgx.Conn, error) {
	config := d.Pool.Config().ConnConfig
	if renew := renewed(d.renew); renew != nil {
		_ = renew(ctx, config) // never fails
	}
	ctx, cancel := context.WithTimeout(ctx, config.ConnectTimeout)
	defer cancel()
	return pgx.ConnectConfig(ctx, config)
}

// Place names a database and a schema in it, without the role and its password.
func Place(dsn, schema string) (string, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "", errUnreadable
	}
	hosts := []string{net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))}
	for _, other := range config.Fallbacks {
		if host := net.JoinHostPort(other.Host, strconv.Itoa(int(other.Port))); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return strings.Join(hosts, ",") + "/" + config.Database + "/" + schema, nil
}

// errUnreadable is given in place of pgx's words, which may show the password.
var errUnreadable = errors.New("the connection string cannot be read")

// Check refuses a database on which no promise of a store can be kept.
func (*DB) Check(ctx context.Context, q Querier) error {
	var standby, readOnly bool
	var commit string
	err := q.QueryRow(ctx, `SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::bool,
		current_setting('synchronous_commit')`).Scan(&standby, &readOnly, &commit)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case standby || readOnly:
		return errors.New("the database only reads: connect to the primary, for instance with several hosts and target_session_attrs=read-write")
	case commit == "off":
		return errors.New("the database does not wait for its disk (synchronous_commit is off): " +
			"write ALTER ROLE ... SET synchronous_commit = on for the store's role")
	}
	return nil
}

// SQL names the configured schema in a statement that names data_api.
func (d *DB) SQL(text string) string {
	if d.Schema == DefaultSchema {
		return text
	}
	if sent, ok := d.statements.Load(text); ok {
		return sent.(string)
	}
	sent := strings.ReplaceAll(text, DefaultSchema+".", d.Schema+".")
	d.statements.Store(text, sent)
	return sent
}

// LockKey is the advisory lock of what only one server at a time may do with the schema. Its values must stay what they are:
// servers of two versions work on one schema.
func (d *DB) LockKey(what string) int64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte("caddy-data-api migration " + d.Schema + what))
	return int64(hash.Sum64())
}
