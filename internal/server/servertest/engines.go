package servertest

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/internal/source/sqlite"
)

// Engine is a database that the contract is tested on.
type Engine struct {
	Name string
	// Source makes a database with these tables.
	Source func(t testing.TB, dir, tables string) Database
	// Slow is a statement that runs for minutes unless it is cancelled. On PostgreSQL it leaves the processor to others.
	Slow string
	// Series is a query of @rows rows with an integer column n and a text column label.
	Series string
	// Steady is a query that returns rows over some seconds, on a fast machine too.
	Steady string
}

// Engines are the databases.
var Engines = []Engine{
	{
		Name:   "sqlite",
		Source: SQLite,
		Slow: `WITH RECURSIVE steps(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM steps WHERE n < 10000000000)
			SELECT COUNT(*) AS n FROM steps`,
		Series: `WITH RECURSIVE steps(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM steps WHERE n < @rows)
			SELECT n, 'row number ' || n || ' of a long result, padded to a usual width of some hundred characters' AS label
			FROM steps WHERE n <= @rows`,
		Steady: `WITH RECURSIVE steps(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM steps WHERE n < 200000)
			SELECT a.n, (SELECT SUM(b.n) FROM steps AS b WHERE b.n % 7 = a.n % 7) AS work FROM steps AS a LIMIT 60`,
	},
	{
		Name:   "postgres",
		Source: Postgres,
		Slow:   `SELECT COUNT(*) AS n FROM pg_sleep(3600)`,
		Series: `SELECT n, 'row number ' || n || ' of a long result, padded to a usual width of some hundred characters' AS label
			FROM generate_series(1, @rows) AS n`,
		Steady: `SELECT n, pause FROM generate_series(1, 1500) AS n, LATERAL (SELECT n + LENGTH(pg_sleep(0.002)::text) AS pause) AS paused`,
	},
}

// Database is a database that endpoints run on, under the name main.
type Database struct {
	driver, location string
	conns            int
}

// Conns limits the connections to the database.
func (d Database) Conns(most int) Database {
	d.conns = most
	return d
}

// Directive is the line of a Caddyfile that names the database.
func (d Database) Directive() string {
	limit := ""
	if d.conns > 0 {
		limit = fmt.Sprintf(" {\n max_conns %d\n}", d.conns)
	}
	return fmt.Sprintf("source main %s %q%s", d.driver, d.location, limit)
}

// open returns a source that runs on the database.
func (d Database) open(t testing.TB) *server.Source {
	if d.driver == "sqlite" {
		return SQLiteSource(t, d.location, d.conns)
	}
	return PostgresSource(t, postgres.Config{DSN: d.location, MaxConns: d.conns})
}

// SQLiteSource returns a source of a database file. No conns are the default number.
func SQLiteSource(t testing.TB, path string, conns int) *server.Source {
	t.Helper()
	opened, err := sqlite.New(sqlite.Config{Path: path, MaxConns: conns})
	if err != nil {
		t.Fatal(err)
	}
	return server.NewSource(opened, sqlite.Dialect)
}

// PostgresSource returns a source of a database.
func PostgresSource(t testing.TB, config postgres.Config) *server.Source {
	t.Helper()
	opened, err := postgres.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return server.NewSource(opened, postgres.Dialect)
}

// SQLite makes a database file with these tables.
func SQLite(t testing.TB, dir, tables string) Database {
	t.Helper()
	path := filepath.Join(dir, "source.db")
	db, err := sqlite3.Open("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(tables); err != nil {
		t.Fatal(err)
	}
	return Database{driver: "sqlite", location: path}
}

// PostgresOf is a database that a test has made itself.
func PostgresOf(db *pgtest.DB) Database { return Database{driver: "postgres", location: db.ReaderDSN} }

// Postgres makes a database with these tables in a cluster of the tests.
func Postgres(t testing.TB, _, tables string) Database {
	t.Helper()
	db := pgtest.New(t)
	db.Exec(tables)
	return PostgresOf(db)
}

// OnEveryEngine runs a test on each database.
func OnEveryEngine(t *testing.T, test func(t *testing.T, e Engine)) {
	for _, e := range Engines {
		t.Run(e.Name, func(t *testing.T) { test(t, e) })
	}
}

// Sales is the table of the consumer guide's example.
const Sales = `
CREATE TABLE vendas (data date NOT NULL, regiao varchar(40) NOT NULL, total decimal(12, 2) NOT NULL);
INSERT INTO vendas VALUES
	('2025-12-31', 'Sul', 999.00), ('2026-01-01', 'Sul', 100000.00), ('2026-02-01', 'Sul', 50000.00),
	('2026-01-01', 'Norte', 7.50);
`

// Files is the catalog of the contract's tests.
func Files(e Engine) map[string]string {
	return map[string]string{
		"acme/default/vendas-por-regiao.sql": `/*---
source: main
params:
  data_inicio: { type: date, required: true }
  regiao: { type: string, max_length: 40, enum: [Sul, Norte, Sudeste] }
columns:
  regiao: { type: varchar }
  total: { type: decimal, scale: 2 }
share:
  globex: { regiao: [Norte] }
---*/
SELECT regiao, SUM(total) AS total FROM vendas
WHERE data >= @data_inicio AND (@regiao IS NULL OR regiao = @regiao)
GROUP BY regiao ORDER BY regiao
`,
		"acme/default/relatorio-mensal.sql": `/*---
source: main
mode: async
params:
  mes: { type: string, pattern: "^[0-9]{4}-[0-9]{2}$" }
---*/
SELECT regiao, total FROM vendas WHERE @mes IS NULL OR @mes <> '' ORDER BY regiao, total
`,
		"acme/default/slow.sql":     "/*---\nsource: main\nlimits: { timeout: 1s }\n---*/\n" + e.Slow,
		"acme/default/slow-job.sql": "/*---\nsource: main\nmode: async\nlimits: { timeout: 1s }\n---*/\n" + e.Slow,
		"acme/default/endless.sql":  "/*---\nsource: main\n---*/\n" + e.Slow,
		"acme/default/few.sql":      "/*---\nsource: main\nlimits: { max_rows: 2 }\n---*/\nSELECT regiao FROM vendas ORDER BY regiao",
		"acme/default/inactive.sql": "/*---\nsource: main\nactive: false\n---*/\nSELECT regiao FROM vendas",
		"acme/default/broken.sql": "/*---\nsource: main\nparams: { n: { type: integer, required: true } }\n" +
			"columns: { n: { type: bigint } }\n---*/\n" + broken[e.Name],
		"acme/default/picky.sql": "/*---\nsource: main\nparams: { document: { type: string, required: true }, other: { type: string } }\n" +
			"---*/\n" + picky[e.Name],
		"acme/default/series.sql":     series(e, "sync"),
		"acme/default/series-job.sql": series(e, "async"),
		"acme/default/steady-job.sql": "/*---\nsource: main\nmode: async\ncolumns: { n: { type: bigint }, " + steadyColumn[e.Name] +
			": { type: bigint } }\n---*/\n" + e.Steady,
		"acme/default/types.sql": `/*---
source: main
params:
  i: { type: integer, minimum: 1, maximum: 10 }
  d: { type: decimal }
  b: { type: boolean }
  at: { type: timestamp }
  id: { type: uuid }
  names: { type: array<string>, max_items: 3 }
  short: { type: string, min_length: 2, max_length: 3 }
---*/
SELECT COUNT(*) AS n FROM vendas WHERE @i IS NULL AND @d IS NULL AND @b IS NULL AND @at IS NULL AND @id IS NULL
	AND @names IS NULL AND @short IS NULL
`,
		"globex/company.yaml":         "name: Globex\nusers:\n  reader: { policies: [DataAPIConsumer] }\n",
		"globex/default/own.sql":      "/*---\nsource: main\n---*/\nSELECT regiao FROM vendas",
		"initech/company.yaml":        "name: Initech\nactive: false\nusers:\n  reader: { policies: [DataAPIConsumer] }\n",
		"initech/default/nothing.sql": "/*---\nsource: main\n---*/\nSELECT regiao FROM vendas",
	}
}

// steadyColumn is the second column of the steady query.
var steadyColumn = map[string]string{"sqlite": "work", "postgres": "pause"}

// broken holds statements that pass the check and fail at run, whatever the value is.
var broken = map[string]string{
	"sqlite":   "SELECT 'secret table name' AS n, @n AS p",
	"postgres": "SELECT (SELECT a FROM (VALUES (0::int8), (@n)) AS secret(a)) AS n",
}

// picky holds statements that work with JSON alone.
var picky = map[string]string{
	"sqlite":   "SELECT json_extract(@document, '$') AS n, @other AS o",
	"postgres": "SELECT @document::jsonb AS n, @other AS o",
}

func series(e Engine, mode string) string {
	return "/*---\nsource: main\nmode: " + mode + `
params:
  rows: { type: integer, required: true }
limits: { max_rows: 2000000 }
columns:
  n: { type: bigint }
  label: { type: varchar }
---*/
` + e.Series
}
