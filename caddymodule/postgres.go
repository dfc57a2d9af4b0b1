package caddymodule

import (
	"fmt"
	"log/slog"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/options"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

func init() {
	caddy.RegisterModule(new(PostgresSource))
}

// PostgresSource is a PostgreSQL database that endpoints read.
type PostgresSource struct {
	// The connection string, as a URL or as keywords and values. Placeholders such as {env.WAREHOUSE_URL} are replaced
	// when the configuration is loaded; a missing one is an error. When no connection can be made, {file.PATH} is read again,
	// so that a password can be changed without a reload. Every keyword of PostgreSQL's libpq is honoured, or refused by
	// name. Required.
	DSN string `json:"dsn,omitempty"`

	// The most connections, and so the most queries at once. The default is 8.
	MaxConns int `json:"max_conns,omitempty"`

	// Accept a role that is a superuser, may replicate, make roles or signal other sessions, or may touch the server's
	// files. Endpoints then run with those rights: a mistake in a statement can reach far beyond the data. The default
	// is to refuse such a role.
	AllowSuperuser bool `json:"allow_superuser,omitempty"`

	// The role that statements run as, of which the connection's role must be a member. The default is the connection's
	// role itself.
	Role string `json:"role,omitempty"`

	// Show the database who asks, for row-level security: in each statement's transaction the settings data_api.company,
	// data_api.user and data_api.share_context hold the caller's company, user and share context (as JSON).
	// A role must be given that cannot execute set_config, so that no statement can change them; the source refuses
	// to run on any other.
	Claims bool `json:"claims,omitempty"`

	// Use claims although the role may execute set_config, or although there is none. Every author of an endpoint file
	// can then claim to be anybody. The default is to refuse that.
	AllowSetConfig bool `json:"allow_set_config,omitempty"`

	// Rely on nothing that lasts longer than a transaction, as a proxy such as PgBouncer in transaction mode needs:
	// no prepared statements, no settings of the session. Every query is then parsed and planned when it runs.
	NoStatementCache bool `json:"no_statement_cache,omitempty"`

	template string // the connection string before its placeholders were replaced
}

// CaddyModule returns the Caddy module information.
func (*PostgresSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api.sources.postgres", New: func() caddy.Module { return new(PostgresSource) }}
}

// UnmarshalCaddyfile reads `postgres DSN` and its options.
func (p *PostgresSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the kind
	if d.NextArg() {
		p.DSN = d.Val()
	}
	keep := true
	err := options.Read(d, "postgres", nil,
		options.Flag("allow_set_config", &p.AllowSetConfig),
		options.Flag("allow_superuser", &p.AllowSuperuser),
		options.Elsewhere("authors"),
		options.OnOff("claims", &p.Claims, "on"),
		options.Text("dsn", &p.DSN, "{env.WAREHOUSE_URL}"),
		options.Number("max_conns", &p.MaxConns, "8"),
		options.Text("role", &p.Role, "reporting"),
		options.OnOff("statement_cache", &keep, "off"),
	)
	p.NoStatementCache = !keep
	if err == nil && p.DSN == "" {
		return d.Err("postgres needs a connection string: write `source NAME postgres {env.WAREHOUSE_URL}`")
	}
	return err
}

// Provision resolves the secrets of the connection string.
func (p *PostgresSource) Provision(caddy.Context) error {
	p.template = p.DSN
	dsn, err := resolveSecret("dsn", p.template)
	p.DSN = dsn
	return err
}

// Validate reports settings that cannot be used. It does not connect.
func (p *PostgresSource) Validate() error {
	if p.DSN == "" {
		return fmt.Errorf("data_api.sources.postgres: dsn is missing: give the connection string, such as {env.WAREHOUSE_URL}")
	}
	settings := p.settings(nil)
	if err := settings.Validate(); err != nil {
		return fmt.Errorf("data_api.sources.postgres: %w", err)
	}
	return nil
}

// SourceKey is the connection string, as it is written and with its placeholders replaced, and the settings.
func (p *PostgresSource) SourceKey() string {
	return sourceKey(p.template, p)
}

// Dialect is PostgreSQL's.
func (*PostgresSource) Dialect() source.Dialect { return postgres.Dialect }

// OpenSource makes the source; it connects at the first use. A password in {file.X} is read again when the database
// refuses the one that was there.
func (p *PostgresSource) OpenSource(logger *slog.Logger) (source.Source, error) {
	return postgres.New(p.settings(logger))
}

func (p *PostgresSource) settings(logger *slog.Logger) postgres.Config {
	return postgres.Config{
		DSN: p.DSN, Renew: func() (string, error) { return rereadSecret("dsn", p.template) },
		MaxConns: p.MaxConns, AllowSuperuser: p.AllowSuperuser, Role: p.Role, Claims: p.Claims,
		AllowSetConfig: p.AllowSetConfig, NoStatementCache: p.NoStatementCache, Logger: logger,
	}
}

// Interface guards.
var (
	_ source.Module         = (*PostgresSource)(nil)
	_ caddyfile.Unmarshaler = (*PostgresSource)(nil)
	_ caddy.Provisioner     = (*PostgresSource)(nil)
	_ caddy.Validator       = (*PostgresSource)(nil)
)
