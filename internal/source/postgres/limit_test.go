package postgres_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

const tooFew = "grants fewer connections than max_conns"

// limitedLogin makes a login of its own, since the reader's is shared, and returns how it connects.
func limitedLogin(t *testing.T, db *pgtest.DB) (role, dsn string) {
	t.Helper()
	role = "limited_" + db.Name
	db.Exec("CREATE ROLE " + role + " LOGIN PASSWORD 'data-api-test'")
	t.Cleanup(func() { db.Exec("DROP ROLE " + role) })
	dsn = strings.Replace(db.ReaderDSN, "user='"+pgtest.ReaderRole+"'", "user='"+role+"'", 1)
	if dsn == db.ReaderDSN {
		t.Fatal("the DSN has another form")
	}
	return role, dsn
}

// crowd runs a query by so many callers at once, and returns their errors.
func crowd(query source.Query, callers int) (failures []error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			if err := query.Run(context.Background(), source.Call{}, &count{}); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
			}
		})
	}
	all.Wait()
	return failures
}

// sessions counts what a role has open.
func sessions(t testing.TB, db *pgtest.DB, role string) int {
	t.Helper()
	return scalar[int](t, db, "SELECT count(*)::int FROM pg_stat_activity WHERE usename = $1 AND datname = current_database()", role)
}

// Each way in which a server grants fewer connections than max_conns: of a role, a database, the whole server, a proxy.
func TestCallersWaitWhereTheDatabaseGrantsFewConnections(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	role, roleDSN := limitedLogin(t, db)
	db.Exec("ALTER ROLE " + role + " CONNECTION LIMIT 2")
	limited := pgtest.New(t)
	limited.Exec("ALTER DATABASE " + limited.Name + " CONNECTION LIMIT 2")
	for what, dsn := range map[string]string{
		"role":     roleDSN,
		"database": limited.ReaderDSN,
		"proxy":    db.NewPgBouncer(2, nil, "max_client_conn = 2").DSN(pgtest.ReaderRole),
	} {
		t.Run(what, func(t *testing.T) {
			var log syncBuffer
			s := open(t, db, func(c *postgres.Config) {
				c.DSN, c.MaxWait, c.Logger = dsn, patience, slog.New(slog.NewTextHandler(&log, nil))
				c.NoStatementCache = what == "proxy"
			})
			query := compile(t, s, "SELECT pg_sleep(0.05)::text AS v")
			crowds := 0
			eventually(t, "the source knows about how many it may run at once", func() bool { // on a busy machine refusals come late
				if failures := crowd(query, 8); len(failures) > 0 {
					t.Fatalf("%d of 8 callers failed, such as %v", len(failures), failures[0])
				}
				crowds++
				size := s.Capacity()
				return crowds >= 3 && size >= 1 && size <= 4
			})
			text := log.String()
			if strings.Count(text, tooFew) != 1 || !strings.Contains(text, "max_conns=8") || strings.Contains(text, "unavailable") {
				t.Errorf("the log should tell once of the limit:\n%s", text)
			}
		})
	}
}

// Nobody waits longer than callers do elsewhere when not one connection is granted.
func TestNoConnectionAtAllIsOverload(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	role, dsn := limitedLogin(t, db)
	db.Exec("ALTER ROLE " + role + " CONNECTION LIMIT 1")
	other, err := pgconn.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	s := open(t, db, func(c *postgres.Config) { c.DSN, c.MaxWait = dsn, 500*time.Millisecond })
	query := compile(t, s, "SELECT 1 AS v")
	failures := crowd(query, 12)
	if len(failures) != 12 {
		t.Errorf("%d of 12 failed", len(failures))
	}
	for _, err := range failures {
		if !dataapi.HasCode(err, dataapi.CodeOverloaded) {
			t.Errorf("got %v", err)
		}
	}
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection that came free is used", func() bool {
		return query.Run(t.Context(), source.Call{}, &count{}) == nil
	})
}

func TestTheSizeIsLearntAgainWhenTheLimitGrows(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	role, dsn := limitedLogin(t, db)
	db.Exec("ALTER ROLE " + role + " CONNECTION LIMIT 2")
	var log syncBuffer
	s := open(t, db, func(c *postgres.Config) {
		c.DSN, c.MaxWait, c.Logger = dsn, patience, slog.New(slog.NewTextHandler(&log, nil))
	})
	query := compile(t, s, "SELECT pg_sleep(0.02)::text AS v")
	var failures atomic.Pointer[error]
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for ctx.Err() == nil {
				if err := query.Run(context.Background(), source.Call{}, &count{}); err != nil {
					failures.Store(&err)
				}
			}
		})
	}
	eventually(t, "the limit is known", func() bool { return s.Capacity() == 2 })
	db.Exec("ALTER ROLE " + role + " CONNECTION LIMIT -1")
	eventually(t, "all connections are used", func() bool {
		return s.Capacity() == 8 && sessions(t, db, role) == 8
	})
	stop()
	callers.Wait()
	if err := failures.Load(); err != nil {
		t.Errorf("a caller failed: %v", *err)
	}
	text := log.String()
	if strings.Count(text, tooFew) != 1 || strings.Count(text, "as many connections as max_conns again") != 1 {
		t.Errorf("the log should tell of the limit and of its end:\n%s", text)
	}
}
