package postgres_test

import (
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sourcetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("CREATE TABLE stored (a int8); CREATE VIEW another AS SELECT a, a AS b FROM stored")
	db.Exec("GRANT ALL ON stored, another TO " + pgtest.ReaderRole + "; GRANT CREATE ON SCHEMA public TO " + pgtest.ReaderRole)
	conform(t, db, db.ReaderDSN, false)
}

// TestConformanceThroughPgBouncer has fewer sessions than connections, so that they change from transaction to transaction.
func TestConformanceThroughPgBouncer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("CREATE TABLE stored (a int8); CREATE VIEW another AS SELECT a, a AS b FROM stored")
	db.Exec("GRANT ALL ON stored, another TO " + pgtest.ReaderRole + "; GRANT CREATE ON SCHEMA public TO " + pgtest.ReaderRole)
	conform(t, db, db.NewPgBouncer(3, nil).DSN(pgtest.ReaderRole), true)
}

func conform(t *testing.T, db *pgtest.DB, dsn string, proxied bool) {
	echo, echoArray := map[source.ParamType]string{}, map[source.ParamType]string{}
	for _, kind := range source.ParamTypes() {
		echo[kind] = "SELECT @p AS v"
		echoArray[kind] = "SELECT v FROM unnest(@p) WITH ORDINALITY AS u(v, i) ORDER BY i"
	}
	sourcetest.Run(t, sourcetest.Database{
		Open: func(t *testing.T, maxConns int) source.Source {
			s, err := postgres.New(postgres.Config{DSN: dsn, MaxConns: maxConns, NoStatementCache: proxied})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Dialect:   postgres.Dialect,
		Count:     "SELECT n FROM generate_series(1, @n) AS n",
		Echo:      echo,
		EchoArray: echoArray,
		Empty:     "SELECT a FROM stored WHERE false",
		Duplicate: "SELECT 1 AS a, 2 AS a",
		Misspelt:  "SELECT a /* é */, nosuch FROM stored",
		Endless:   "SELECT count(*) AS n FROM generate_series(1, 1000000000) AS a, generate_series(1, 1000000000) AS b",
		Fails:     "SELECT 1 / (a - a) AS n FROM (VALUES (random())) AS v(a)",
		Reads:     "SELECT @p::jsonb AS v",
		Writes: []string{
			"INSERT INTO stored VALUES (1)", "INSERT INTO stored VALUES (1) RETURNING a", "UPDATE stored SET a = 1", "DELETE FROM stored",
			"TRUNCATE stored", "CREATE TABLE other (a int)", "DROP TABLE stored", "SELECT a INTO other FROM stored", "CREATE TABLE other AS SELECT 1 AS a",
			"WITH gone AS (DELETE FROM stored RETURNING a) SELECT a FROM gone", "COPY stored TO STDOUT", "VACUUM stored", "LOCK TABLE stored",
			"SELECT a FROM stored FOR UPDATE", "EXPLAIN SELECT 1", "SET TimeZone = 'UTC'", "SHOW TimeZone", "DO $$ BEGIN END $$", "CALL nothing()",
			"BEGIN", "COMMIT", "PREPARE s AS SELECT 1", "NOTIFY n", "LISTEN n", "DISCARD ALL", "SELECT 1 AS a; SELECT 2 AS a", "SELECT 1 AS a; COMMIT",
			"SELECT 1) AS q; --", "SELECT 1 AS a) AS q, (SELECT 2 AS b", "",
		},
		Alter: func(*testing.T) { db.Exec("ALTER TABLE stored ADD b int8") },
	})
}
