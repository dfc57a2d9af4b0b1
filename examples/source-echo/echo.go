package echo

import (
	"fmt"
	"log/slog"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/source"
)

func init() { caddy.RegisterModule(new(Echo)) }

// Echo is a toy database. The struct is its configuration in JSON, and this is its reference manual.
type Echo struct {
	// What the statement `SELECT greeting() AS v` returns. Placeholders such as {env.GREETING} are replaced when the
	// configuration is loaded. The default is hello.
	Greeting string `json:"greeting,omitempty"`

	// The most connections, and so the most queries at once. The default is 8.
	MaxConns int `json:"max_conns,omitempty"`
}

// CaddyModule returns the Caddy module information. The name after the namespace is the kind in a Caddyfile.
func (*Echo) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "data_api.sources.echo", New: func() caddy.Module { return new(Echo) }}
}

// UnmarshalCaddyfile reads `echo [GREETING] { max_conns N }`, which follows `source NAME` in the block data_api.
func (e *Echo) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the kind
	if d.NextArg() {
		e.Greeting = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(d.Nesting()) {
		switch d.Val() {
		case "max_conns":
			if !d.NextArg() {
				return d.ArgErr()
			}
			number, err := strconv.Atoi(d.Val())
			if err != nil {
				return d.Errf("max_conns needs a number, not %q", d.Val())
			}
			e.MaxConns = number
		default:
			return d.Errf("unknown option %q: allowed is max_conns", d.Val())
		}
	}
	return nil
}

// Provision sets defaults and replaces placeholders. A database's password would come in here, from {env.X} or {file.X}.
func (e *Echo) Provision(caddy.Context) error {
	if e.Greeting == "" {
		e.Greeting = "hello"
	}
	if e.MaxConns == 0 {
		e.MaxConns = 8
	}
	var err error
	if e.Greeting, err = caddy.NewReplacer().ReplaceOrErr(e.Greeting, true, true); err != nil {
		return fmt.Errorf("greeting: a placeholder has no value: %w", err)
	}
	return nil
}

// Validate reports options that cannot be used. It asks no database: one that is down must not keep the server from starting.
func (e *Echo) Validate() error {
	if e.MaxConns < 1 || e.MaxConns > 1000 {
		return fmt.Errorf("max_conns is %d: it must lie between 1 and 1000", e.MaxConns)
	}
	return nil
}

// SourceKey implements [source.Module]: with the same options, a reload keeps the source and its connections.
func (e *Echo) SourceKey() string { return fmt.Sprintf("%q %d", e.Greeting, e.MaxConns) }

// OpenSource implements [source.Module].
func (e *Echo) OpenSource(logger *slog.Logger) (source.Source, error) {
	return open(e.Greeting, e.MaxConns, logger), nil
}

// Dialect implements [source.Module].
func (*Echo) Dialect() source.Dialect { return dialect{} }

// Interface guards.
var (
	_ source.Module         = (*Echo)(nil)
	_ caddyfile.Unmarshaler = (*Echo)(nil)
	_ caddy.Provisioner     = (*Echo)(nil)
	_ caddy.Validator       = (*Echo)(nil)
)
