package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/config"
)

// UnmarshalBbolt reads `bbolt [FILE]`, or `bbolt { path FILE }`.
func UnmarshalBbolt(d *caddyfile.Dispenser, c *config.Bbolt) error {
	d.Next() // consume the kind
	if d.NextArg() {
		c.Path = d.Val()
	}
	return parseBlock(d, "bbolt", map[string]func() error{
		"path": func() error { return oneArg(d, &c.Path) },
	})
}

// UnmarshalSQLite reads `sqlite [FILE] { path FILE; max_conns N }`.
func UnmarshalSQLite(d *caddyfile.Dispenser, c *config.SQLite) error {
	d.Next() // consume the kind
	if d.NextArg() {
		c.Path = d.Val()
	}
	err := parseBlock(d, "sqlite", map[string]func() error{
		"path":      func() error { return oneArg(d, &c.Path) },
		"max_conns": func() error { return oneInt(d, &c.MaxConns) },
	})
	if err == nil && c.Path == "" {
		return d.Err("sqlite needs the database's file: write `source NAME sqlite FILE`")
	}
	return err
}

// UnmarshalPostgres reads `postgres [DSN] { dsn DSN; max_conns N; allow_superuser; role NAME; claims on|off;
// allow_set_config; statement_cache on|off; lanes N }`.
func UnmarshalPostgres(d *caddyfile.Dispenser, c *config.Postgres) error {
	d.Next() // consume the kind
	if d.NextArg() {
		c.DSN = d.Val()
	}
	err := parseBlock(d, "postgres", map[string]func() error{
		"dsn":              func() error { return oneArg(d, &c.DSN) },
		"max_conns":        func() error { return oneInt(d, &c.MaxConns) },
		"allow_superuser":  func() error { return flag(d, &c.AllowSuperuser) },
		"role":             func() error { return oneArg(d, &c.Role) },
		"claims":           func() error { return onOff(d, &c.Claims) },
		"allow_set_config": func() error { return flag(d, &c.AllowSetConfig) },
		"lanes":            func() error { return oneInt(d, &c.Lanes) },
		"statement_cache": func() error {
			kept := true
			err := onOff(d, &kept)
			c.NoStatementCache = !kept
			return err
		},
	})
	if err == nil && c.DSN == "" {
		return d.Err("postgres needs a connection string: write `source NAME postgres {env.WAREHOUSE_URL}`")
	}
	return err
}
