package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/buildinfo"
	"github.com/solucao42/caddy-data-api/internal/options"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

func init() {
	caddy.RegisterModule(new(PostgresStore))
}

// PostgresStore keeps keys, jobs, results and deliveries in a schema of a PostgreSQL database. Any number of servers may use
// it at once, and are one service then.
type PostgresStore struct {
	// The connection string, as a URL or as keywords and values. Placeholders such as {env.STORE_URL} are replaced when
	// the configuration is loaded; a missing one is an error. The password in {file.PATH} is read again for each connection. With
	// several hosts, say target_session_attrs=read-write. Required.
	DSN string `json:"dsn,omitempty"`

	// The schema that holds all tables. The role makes it, or, where it may not, owns it already. The default is data_api.
	Schema string `json:"schema,omitempty"`

	// The most connections of this server. The default is 16, the least 2.
	MaxConns int `json:"max_conns,omitempty"`

	// Rely on nothing that lasts longer than a transaction, as a proxy such as PgBouncer in transaction mode needs: no
	// named prepared statements, and no LISTEN. The default is to use them.
	PollOnly bool `json:"poll_only,omitempty"`

	// How long this server may go on without hearing of what other servers have revoked, as when the database is away. Beyond
	// that callers with an API key, or a token that was made for one, get 503. The default is 30s, the least 5s, the most 24h.
	Stale caddy.Duration `json:"stale,omitempty"`

	template string // the connection string before its placeholders were replaced
}

// CaddyModule returns the Caddy module information.
func (*PostgresStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api.stores.postgres", New: func() caddy.Module { return new(PostgresStore) }}
}

// UnmarshalCaddyfile reads `postgres DSN` and its options.
func (p *PostgresStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the kind
	if d.NextArg() {
		p.DSN = d.Val()
	}
	err := options.Read(d, "postgres", nil,
		options.Text("dsn", &p.DSN, "{env.STORE_URL}"),
		options.Number("max_conns", &p.MaxConns, "16"),
		options.Flag("poll_only", &p.PollOnly),
		options.Text("schema", &p.Schema, "data_api"),
		options.Duration("stale", &p.Stale, "30s"),
	)
	if err == nil && p.DSN == "" {
		return d.Err("postgres needs a connection string: write `store postgres {env.STORE_URL}`")
	}
	return err
}

// Provision resolves the secrets of the connection string.
func (p *PostgresStore) Provision(caddy.Context) error {
	p.template = p.DSN
	dsn, err := resolveSecret("dsn", p.template)
	p.DSN = dsn
	return err
}

// Validate reports settings that cannot be used. It does not connect.
func (p *PostgresStore) Validate() error {
	if p.DSN == "" {
		return errors.New("data_api.stores.postgres: dsn is missing: give the connection string, such as {env.STORE_URL}")
	}
	settings := p.options(nil)
	_, err := pgstore.Place(p.DSN, settings)
	if err = errors.Join(settings.Validate(), err); err != nil {
		return fmt.Errorf("data_api.stores.postgres: %w", err)
	}
	return nil
}

// StoreKey is the database and the schema, without the role and its password.
func (p *PostgresStore) StoreKey() string {
	place, err := pgstore.Place(p.DSN, p.options(nil))
	if err != nil {
		return "postgres" // Validate has refused it
	}
	return "postgres:" + place
}

// StoreOptions are all of them. The connection string is compared as it is written: a password in {file.PATH} changes without a reload.
func (p *PostgresStore) StoreOptions() map[string]string {
	return map[string]string{
		"dsn": p.template, "max_conns": strconv.Itoa(cmp.Or(p.MaxConns, pgstore.DefaultMaxConns)), "poll_only": strconv.FormatBool(p.PollOnly),
		"stale": cmp.Or(time.Duration(p.Stale), pgstore.DefaultStale).String(),
	}
}

// OpenStore connects, and brings the schema up to date.
func (p *PostgresStore) OpenStore() (store.Store, error) {
	return pgstore.Open(context.Background(), p.DSN, p.options(sharedLog.With(slog.String("part", "store"))))
}

// MigrateStore brings the schema up to date, or says only how far it is. It implements [migratedStore].
func (p *PostgresStore) MigrateStore(ctx context.Context, checkOnly bool) (pgstore.Schema, error) {
	if checkOnly {
		return pgstore.Check(ctx, p.DSN, p.options(nil))
	}
	return pgstore.Migrate(ctx, p.DSN, p.options(nil))
}

func (p *PostgresStore) options(logger *slog.Logger) pgstore.Options {
	return pgstore.Options{
		Schema: p.Schema, MaxConns: p.MaxConns, PollOnly: p.PollOnly, Stale: time.Duration(p.Stale), Version: buildinfo.Read().Version, Logger: logger,
		Renew: func() (string, error) { return rereadSecret("dsn", p.template) },
	}
}

// Interface guards.
var (
	_ storeModule           = (*PostgresStore)(nil)
	_ migratedStore         = (*PostgresStore)(nil)
	_ caddyfile.Unmarshaler = (*PostgresStore)(nil)
	_ caddy.Provisioner     = (*PostgresStore)(nil)
	_ caddy.Validator       = (*PostgresStore)(nil)
)
