package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// database is the temporary PostgreSQL.
type database struct {
	cluster *pgtest.Cluster
	config  *pgconn.Config // of the reader
	dsn     string         // of the reader
	pid     int            // of the postmaster; 0 when it runs elsewhere
}

const databaseName = "bench"

// tenantRole is the role that statements with claims run as, which must not be able to change them.
const tenantRole = "data_api_tenant"

const grants = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + pgtest.ReaderRole + ", " + tenantRole + `;
	REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC;
	GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO ` + pgtest.ReaderRole

// schema is what the statements read: 100,000 accounts for single rows, 10,000 items for pages and for the large result,
// 1,000,000 for the huge one, and 2,000,000 sales to add up.
const schema = `
CREATE TABLE accounts (id integer PRIMARY KEY, name text NOT NULL, balance numeric(12,2) NOT NULL);
INSERT INTO accounts SELECT i, 'Account ' || i, (i::bigint * 37 % 1000000) / 100.0 FROM generate_series(1, 100000) AS i;

CREATE TABLE tenants (LIKE accounts INCLUDING ALL, company text NOT NULL);
INSERT INTO tenants SELECT *, 'acme' FROM accounts;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants USING (company = current_setting('data_api.company'));

CREATE TABLE items (id integer PRIMARY KEY, name text NOT NULL, price numeric(12,2) NOT NULL, day date NOT NULL,
	changed_at timestamptz NOT NULL, active boolean NOT NULL);
INSERT INTO items SELECT i, 'Item number ' || i || ' of the catalogue', (i::bigint * 7919 % 10000000) / 100.0,
	DATE '2020-01-01' + i % 2000, TIMESTAMPTZ '2024-01-01 00:00:00Z' + i * INTERVAL '1.234567 seconds', i % 3 = 0
	FROM generate_series(1, 10000) AS i;

CREATE TABLE many (LIKE items);
INSERT INTO many SELECT i, 'Item number ' || i || ' of the catalogue', (i::bigint * 7919 % 10000000) / 100.0,
	DATE '2020-01-01' + i % 2000, TIMESTAMPTZ '2024-01-01 00:00:00Z' + i * INTERVAL '1.234567 seconds', i % 3 = 0
	FROM generate_series(1, 1000000) AS i;

CREATE TABLE sales (region integer NOT NULL, sold_at date NOT NULL, amount numeric(10,2) NOT NULL);
INSERT INTO sales SELECT i % 50, DATE '2020-01-01' + i % 1000, (i::bigint * 31 % 100000) / 100.0 FROM generate_series(1, 2000000) AS i;
`

// statement is an endpoint, and the same for everybody else: parameters are written as @name here and as $n there.
type statement struct {
	sql        string
	parameters []string // integers all of them
	source     string
	maxRows    int
	cache      string // none when empty
	largest    int    // parameters are drawn from 1 to this
	rows       int    // of the answer
	row        string // what each row holds once, as JSON
}

const itemColumns = "SELECT id, name, price, day, changed_at, active FROM "

var statements = map[string]statement{
	"point": {
		sql:        "SELECT id, name, balance FROM accounts WHERE id = @id",
		parameters: []string{"id"}, source: "warehouse", maxRows: 10_000, largest: 100_000, rows: 1, row: `"balance":`,
	},
	"claimed": { // the same, of a table whose rows belong to companies
		sql:        "SELECT id, name, balance FROM tenants WHERE id = @id",
		parameters: []string{"id"}, source: "tenants", maxRows: 10_000, largest: 100_000, rows: 1, row: `"balance":`,
	},
	"cached": { // as long as what Caddy answers by itself
		sql:    "SELECT id, name, balance FROM accounts WHERE id = 51234",
		source: "warehouse", maxRows: 10_000, cache: "1h", rows: 1, row: `"balance":`,
	},
	"page": {
		sql:        itemColumns + "items WHERE id > @after ORDER BY id LIMIT 100",
		parameters: []string{"after"}, source: "warehouse", maxRows: 10_000, largest: 9_900, rows: 100, row: `"price":`,
	},
	"big": {sql: itemColumns + "items", source: "warehouse", maxRows: 10_000, rows: 10_000, row: `"price":`},
	"aggregate": {
		sql:    "SELECT region, count(*) AS sales, sum(amount) AS total FROM sales GROUP BY region ORDER BY region",
		source: "warehouse", maxRows: 10_000, rows: 50, row: `"total":`,
	},
	"million": {sql: itemColumns + "many", source: "bulk", maxRows: 1_000_000, rows: 1_000_000, row: `"price":`},
	"lite":    {sql: "SELECT id, name, price, day, changed_at, active FROM items", source: "lite", maxRows: 10_000, rows: 10_000, row: `"price":`},
}

// positional writes the parameters as PostgreSQL does.
func (s statement) positional() string {
	sql := s.sql
	for i, name := range s.parameters {
		sql = strings.ReplaceAll(sql, "@"+name, fmt.Sprintf("$%d", i+1))
	}
	return sql
}

// file writes the statement as an endpoint file.
func (s statement) file(title string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "/*---\ntitle: %s\nsource: %s\nmode: sync\n", title, s.source)
	if len(s.parameters) > 0 {
		b.WriteString("params:\n")
	}
	for _, name := range s.parameters {
		fmt.Fprintf(&b, "  %s: { type: integer, required: true }\n", name)
	}
	fmt.Fprintf(&b, "limits: { timeout: 60s, max_rows: %d", s.maxRows)
	if s.cache != "" {
		fmt.Fprintf(&b, ", cache: %s", s.cache)
	}
	b.WriteString(" }\n")
	if s.source == "lite" {
		b.WriteString("columns:\n  price: { type: decimal }\n")
	}
	fmt.Fprintf(&b, "---*/\n%s\n", s.sql)
	return b.String()
}

// startDatabase starts PostgreSQL on a unix socket and loads the data.
func startDatabase(ctx context.Context) (*database, error) {
	cluster, err := pgtest.Start("-c", "shared_buffers=512MB", "-c", "max_connections=300")
	if err != nil {
		return nil, err
	}
	db := &database{cluster: cluster}
	if err := db.load(ctx); err != nil {
		cluster.Remove()
		return nil, fmt.Errorf("loading the data: %w", err)
	}
	return db, nil
}

func (db *database) load(ctx context.Context) error {
	admin, err := pgconn.ParseConfig(db.cluster.DSN())
	if err != nil {
		return err
	}
	err = execute(ctx, admin, "CREATE ROLE "+pgtest.ReaderRole+" LOGIN NOSUPERUSER", "CREATE ROLE "+tenantRole,
		"GRANT "+tenantRole+" TO "+pgtest.ReaderRole, "CREATE DATABASE "+databaseName)
	if err != nil {
		return err
	}
	admin.Database = databaseName
	err = execute(ctx, admin, schema, "VACUUM (ANALYZE, FREEZE)",
		grants, "CHECKPOINT")
	if err != nil {
		return err
	}
	db.dsn = fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", admin.Host, admin.Port, pgtest.ReaderRole, databaseName)
	db.config, err = pgconn.ParseConfig(db.dsn)
	if err != nil {
		return err
	}
	if text, err := os.ReadFile(filepath.Join(admin.Host, "data", "postmaster.pid")); err == nil {
		_, _ = fmt.Sscan(string(text), &db.pid)
	}
	return nil
}

func execute(ctx context.Context, config *pgconn.Config, texts ...string) error {
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range texts {
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// client returns the arguments by which PostgreSQL's own programs find the database.
func (db *database) client(args ...string) []string {
	return append([]string{"-h", db.config.Host, "-U", db.config.User, "-d", db.config.Database}, args...)
}
