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
	return parseBlock(d, "bbolt", nil, option{name: "path", read: text(d, &c.Path, "./data/demo.db")})
}

// UnmarshalSQLite reads `sqlite [FILE] { path FILE; max_conns N }`.
func UnmarshalSQLite(d *caddyfile.Dispenser, c *config.SQLite) error {
	d.Next() // consume the kind
	if d.NextArg() {
		c.Path = d.Val()
	}
	err := parseBlock(d, "sqlite", nil,
		option{name: "max_conns", read: number(d, &c.MaxConns, "8")},
		option{name: "path", read: text(d, &c.Path, "./data/demo.db")},
	)
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
	keep := true
	err := parseBlock(d, "postgres", nil,
		option{name: "allow_set_config", read: flag(d, &c.AllowSetConfig)},
		option{name: "allow_superuser", read: flag(d, &c.AllowSuperuser)},
		option{name: "claims", read: onOff(d, &c.Claims, "on")},
		option{name: "dsn", read: text(d, &c.DSN, "{env.WAREHOUSE_URL}")},
		option{name: "lanes", read: number(d, &c.Lanes, "2")},
		option{name: "max_conns", read: number(d, &c.MaxConns, "8")},
		option{name: "role", read: text(d, &c.Role, "reporting")},
		option{name: "statement_cache", read: onOff(d, &keep, "off")},
	)
	c.NoStatementCache = !keep
	if err == nil && c.DSN == "" {
		return d.Err("postgres needs a connection string: write `source NAME postgres {env.WAREHOUSE_URL}`")
	}
	return err
}
