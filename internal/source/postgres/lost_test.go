package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

var n = source.Param{Name: "n", Type: source.ParamInteger}

// cells is a sink that keeps what it gets as text.
type cells struct{ values []string }

func (c *cells) Columns([]source.Column) error { return nil }

func (c *cells) Row(values []source.Value) error {
	for _, value := range values {
		c.values = append(c.values, string(result.AppendText(nil, value)))
	}
	return nil
}

// errorsThatPass are raised by functions here, since most are rare.
var errorsThatPass = []string{"40001", "40P01", "55P03", "53000", "53100", "53200", "53400", "57P01", "57P04", "57014", "08006"}

func TestErrorsThatPass(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE TABLE locked (a int8); GRANT SELECT ON locked TO data_api_reader; CREATE TABLE once (a int8);
		CREATE FUNCTION raising(state text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = state; END $$;
		ALTER DATABASE ` + db.Name + ` SET lock_timeout = '100ms'; ALTER DATABASE ` + db.Name + ` SET temp_file_limit = '1MB'`)
	for way, change := range map[string]func(*postgres.Config){
		"alone": oneConnection, "without a statement cache": proxied,
	} {
		t.Run(way, func(t *testing.T) {
			s := open(t, db, change)
			query := compile(t, s, "SELECT raising(@s) AS v", word)
			for _, state := range errorsThatPass {
				if err := query.Run(t.Context(), call(text(state)), &cells{}); !dataapi.HasCode(err, dataapi.CodeExecutionInterrupted) {
					t.Errorf("%s: got %v, want %s", state, err, dataapi.CodeExecutionInterrupted)
				}
			}
			large := compile(t, s, "SELECT count(*) AS v FROM (SELECT repeat('x', 100) || i AS a FROM generate_series(1, 200000) AS i ORDER BY a) AS t")
			if err := large.Run(t.Context(), call(), &cells{}); !dataapi.HasCode(err, dataapi.CodeExecutionInterrupted) {
				t.Errorf("too large a temporary file: got %v, want %s", err, dataapi.CodeExecutionInterrupted)
			}

			run := func(query source.Query) error { return query.Run(t.Context(), call(), &cells{}) }
			blocked := compile(t, s, "SELECT a FROM locked")
			if _, err := blocked.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := run(blocked); err != nil {
				t.Fatal(err)
			}
			lock := db.Conn()
			if _, err := lock.Exec(t.Context(), "BEGIN; LOCK TABLE locked"); err != nil {
				t.Fatal(err)
			}
			if err := run(blocked); !dataapi.HasCode(err, dataapi.CodeExecutionInterrupted) {
				t.Errorf("a locked table: got %v, want %s", err, dataapi.CodeExecutionInterrupted)
			}
			// A statement that is not prepared yet is locked out before anything of it runs.
			other := compile(t, s, "SELECT a, 1 AS b FROM locked")
			if err := other.Run(t.Context(), call(), &cells{}); !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
				t.Errorf("a locked table at preparation: got %v, want %s", err, dataapi.CodeSourceUnavailable)
			}
			if _, err := other.Check(t.Context()); !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
				t.Errorf("Check of a locked table: got %v, want %s", err, dataapi.CodeSourceUnavailable)
			}
			if _, err := lock.Exec(t.Context(), "ROLLBACK"); err != nil {
				t.Fatal(err)
			}
			if err := run(blocked); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// What may have run is not run again: a statement that ends its session would end another.
func TestQueryWhoseSessionIsEndedDoesNotRunAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for way, change := range map[string]func(*postgres.Config){
		"alone": oneConnection, "without a statement cache": proxied, "with claims": func(c *postgres.Config) {
			c.MaxConns, c.Claims, c.AllowSetConfig = 1, true, true
		},
	} {
		t.Run(way, func(t *testing.T) {
			s := open(t, db, change)
			rows(t, compile(t, s, "SELECT 1 AS v")) // the connection is not new
			for _, sql := range []string{
				"SELECT pg_sleep(3600)::text AS v",
				"SELECT count(*) AS v FROM generate_series(1, 1000000000) AS a, generate_series(1, 1000000000) AS b",
			} {
				rows(t, compile(t, s, "SELECT 1 AS v"))
				ended := make(chan error, 1)
				query := compile(t, s, sql)
				if _, err := query.Check(t.Context()); err != nil { // what is only prepared when its session ends may begin again
					t.Fatal(err)
				}
				go func() { ended <- query.Run(context.Background(), source.Call{}, &cells{}) }()
				eventually(t, "the query runs", func() bool { return scalar[int](t, db, running) == 1 })
				db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'data_api_reader' AND datname = current_database()")
				select {
				case err := <-ended:
					if !dataapi.HasCode(err, dataapi.CodeExecutionInterrupted) {
						t.Errorf("got %v, want %s", err, dataapi.CodeExecutionInterrupted)
					}
				case <-time.After(patience):
					t.Fatal("it runs again")
				}
				eventually(t, "nothing runs", func() bool { return scalar[int](t, db, running) == 0 })
			}
		})
	}
}

// A session that ended while nothing ran is no caller's business.
func TestSessionsThatEndWhileTheyAreIdle(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	const readers = "FROM pg_stat_activity WHERE usename = 'data_api_reader' AND datname = current_database()"
	for way, change := range map[string]func(*postgres.Config){
		"alone": func(*postgres.Config) {}, "without a statement cache": proxied,
	} {
		t.Run(way, func(t *testing.T) {
			s := open(t, db, change)
			query := compile(t, s, "SELECT 1 AS v")
			for round := range 5 {
				warm(t, s, 3)
				db.Exec("SELECT pg_terminate_backend(pid) " + readers)
				eventually(t, "the sessions are gone", func() bool { return scalar[int](t, db, "SELECT count(*)::int "+readers) == 0 })
				for range 4 {
					if err := query.Run(t.Context(), call(), &cells{}); err != nil {
						t.Errorf("round %d: %v", round, err)
					}
				}
			}
		})
	}
}

// An operator who ends a backend by a signal makes the server end all others too, and tell us nothing.
func TestServerThatCrashesUnderAQuery(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	db := cluster.New(t)
	s := open(t, db, oneConnection)
	rows(t, compile(t, s, "SELECT 1 AS v"))
	ended := make(chan error, 1)
	query := compile(t, s, "SELECT pg_sleep(3600)::text AS v")
	if _, err := query.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- query.Run(context.Background(), source.Call{}, &cells{}) }()
	eventually(t, "the query runs", func() bool { return scalar[int](t, db, sleeping) == 1 })
	cluster.Stop(t)
	select {
	case err := <-ended:
		if !dataapi.HasCode(err, dataapi.CodeExecutionInterrupted) {
			t.Errorf("got %v, want %s", err, dataapi.CodeExecutionInterrupted)
		}
	case <-time.After(patience):
		t.Fatal("the query does not end")
	}
	if err := compile(t, s, "SELECT 2 AS v").Run(t.Context(), source.Call{}, &cells{}); !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
		t.Errorf("when it is down: got %v, want %s", err, dataapi.CodeSourceUnavailable)
	}
	cluster.Start(t)
}
