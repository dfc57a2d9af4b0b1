package e2e

import (
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// engine is a database that the contract is tested on.
type engine struct {
	name string
	// source makes a database with these tables and returns the line of the data_api block that names it.
	source func(t testing.TB, dir, tables string) string
	// slow is a statement that runs for minutes unless it is cancelled.
	slow string
	// series is a query of @rows rows with an integer column n and a text column label.
	series string
	// steady is a query that returns rows over some seconds, on a fast machine too.
	steady string
}

var engines = []engine{
	{
		name:   "sqlite",
		source: sqliteSource,
		slow: `WITH RECURSIVE steps(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM steps WHERE n < 10000000000)
			SELECT COUNT(*) AS n FROM steps`,
		series: `WITH RECURSIVE steps(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM steps WHERE n < @rows)
			SELECT n, 'row number ' || n || ' of a long result, padded to a usual width of some hundred characters' AS label
			FROM steps WHERE n <= @rows`,
		steady: `WITH RECURSIVE steps(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM steps WHERE n < 200000)
			SELECT a.n, (SELECT SUM(b.n) FROM steps AS b WHERE b.n % 7 = a.n % 7) AS work FROM steps AS a LIMIT 60`,
	},
	{
		name:   "postgres",
		source: postgresSource,
		slow:   `SELECT COUNT(*) AS n FROM generate_series(1, 10000000000)`,
		series: `SELECT n, 'row number ' || n || ' of a long result, padded to a usual width of some hundred characters' AS label
			FROM generate_series(1, @rows) AS n`,
		steady: `SELECT n, pause FROM generate_series(1, 1500) AS n, LATERAL (SELECT n + LENGTH(pg_sleep(0.002)::text) AS pause) AS paused`,
	},
}

func sqliteSource(t testing.TB, dir, tables string) string {
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
	return "source main sqlite " + path
}

func postgresSource(t testing.TB, _, tables string) string {
	t.Helper()
	db := pgtest.New(t)
	db.Exec(tables)
	return `source main postgres "` + db.ReaderDSN + `"`
}

// onEveryEngine runs a test on each database.
func onEveryEngine(t *testing.T, test func(t *testing.T, e engine)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { test(t, e) })
	}
}

// sales is the table of the consumer guide's example.
const sales = `
CREATE TABLE vendas (data date NOT NULL, regiao varchar(40) NOT NULL, total decimal(12, 2) NOT NULL);
INSERT INTO vendas VALUES
	('2025-12-31', 'Sul', 999.00), ('2026-01-01', 'Sul', 100000.00), ('2026-02-01', 'Sul', 50000.00),
	('2026-01-01', 'Norte', 7.50);
`

// files is the catalog of the contract's tests.
func files(e engine) map[string]string {
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
		"acme/default/slow.sql":       "/*---\nsource: main\nlimits: { timeout: 1s }\n---*/\n" + e.slow,
		"acme/default/slow-job.sql":   "/*---\nsource: main\nmode: async\nlimits: { timeout: 1s }\n---*/\n" + e.slow,
		"acme/default/endless.sql":    "/*---\nsource: main\n---*/\n" + e.slow,
		"acme/default/few.sql":        "/*---\nsource: main\nlimits: { max_rows: 2 }\n---*/\nSELECT regiao FROM vendas ORDER BY regiao",
		"acme/default/inactive.sql":   "/*---\nsource: main\nactive: false\n---*/\nSELECT regiao FROM vendas",
		"acme/default/broken.sql":     "/*---\nsource: main\nparams: { n: { type: integer, required: true } }\ncolumns: { n: { type: bigint } }\n---*/\n" + broken[e.name],
		"acme/default/picky.sql":      "/*---\nsource: main\nparams: { document: { type: string, required: true }, other: { type: string } }\n---*/\n" + picky[e.name],
		"acme/default/series.sql":     series(e, "sync"),
		"acme/default/series-job.sql": series(e, "async"),
		"acme/default/steady-job.sql": "/*---\nsource: main\nmode: async\ncolumns: { n: { type: bigint }, " + steadyColumn[e.name] +
			": { type: bigint } }\n---*/\n" + e.steady,
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

func series(e engine, mode string) string {
	return "/*---\nsource: main\nmode: " + mode + `
params:
  rows: { type: integer, required: true }
limits: { max_rows: 2000000 }
columns:
  n: { type: bigint }
  label: { type: varchar }
---*/
` + e.series
}
