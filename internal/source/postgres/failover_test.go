package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// returnsWithin is how soon after a standby is promoted requests are answered again, on a machine at rest.
const returnsWithin = 5 * time.Second

// answers is a sink that says what is wrong with the rows 1 to 100 of a primary.
type answers struct {
	rows    int
	standby bool
	astray  bool // a row came out of its turn
}

func (*answers) Columns([]source.Column) error { return nil }

func (a *answers) Row(values []source.Value) error {
	a.rows++
	a.astray = a.astray || values[0].Int != int64(a.rows)
	a.standby = a.standby || values[1].Int != 0
	return nil
}

// failsOver has the primary die under load, and its standby take over a while later. Only what was under way on a dying connection
// may fail as that; what comes while there is no primary is told to come back; and nobody is answered wrongly, or by a standby.
func failsOver(t *testing.T, outage time.Duration) {
	primary := pgtest.NewCluster(t)
	db := primary.New(t)
	standby := primary.NewStandby(t)
	const conns = 4
	var log syncBuffer
	s := open(t, db, func(c *postgres.Config) {
		c.DSN = strings.Replace(db.ReaderDSN, "host='"+primary.Host()+"'", "host='"+standby.Host()+","+primary.Host()+"'", 1) + " target_session_attrs=read-write"
		c.MaxConns, c.Logger = conns, slog.New(slog.NewTextHandler(&log, nil))
	})
	query := compile(t, s, "SELECT i, pg_is_in_recovery() AS standby FROM generate_series(1, 100) AS i")
	wrong := errors.New("a wrong answer")
	callers := startLoadOf(3*conns, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var got answers
		if err := query.Run(ctx, source.Call{}, &got); err != nil {
			return err
		}
		if got.rows != 100 || got.standby || got.astray {
			return fmt.Errorf("%w: %+v", wrong, got)
		}
		return nil
	})
	defer callers.stop()
	callers.more(t, 200)
	primary.Kill(t)
	time.Sleep(outage)
	before := callers.good.Load()
	standby.Promote(t)
	promoted := time.Now()
	eventually(t, "requests are answered by the new primary", func() bool { return callers.good.Load() > before })
	took, control := time.Since(promoted), connecting(t, standby, db)
	if took > returnsWithin+20*control {
		t.Errorf("requests are answered %s after the promotion, want %s; a connection takes %s", took, returnsWithin, control)
	}
	callers.more(t, 200)
	callers.end(t)
	t.Logf("answers %s after the promotion, which a connection alone takes %s for", took, control)
	for code, times := range callers.codes {
		switch code {
		case dataapi.CodeExecutionInterrupted:
			if times > conns {
				t.Errorf("%d runs were interrupted, of %d connections", times, conns)
			}
		case dataapi.CodeSourceUnavailable, dataapi.CodeOverloaded: // 503 with Retry-After
		case dataapi.CodeExecutionTimeout:
			t.Errorf("%d runs timed out", times)
		default:
			t.Errorf("%d runs failed with %q", times, code)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines > 3 {
		t.Errorf("%d lines were logged:\n%s", lines, log.String())
	}
}

// connecting is how long a connection to a server takes that does nothing else.
func connecting(t *testing.T, cluster *pgtest.Cluster, db *pgtest.DB) time.Duration {
	t.Helper()
	begun := time.Now()
	conn, err := pgx.Connect(context.Background(), strings.Replace(cluster.DSN(), "dbname=postgres", "dbname="+db.Name, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	return time.Since(begun)
}

func TestFailoverUnderLoad(t *testing.T) {
	t.Parallel()
	failsOver(t, 500*time.Millisecond)
}

// changeCertificates changes the authority and both sides' certificates under load: the server's first, so that for a while no
// connection can be made, and those that there are go on.
func changeCertificates(t *testing.T, times int) {
	server := newTLSServer(t)
	const conns = 4
	var log syncBuffer
	s := open(t, server.db, func(c *postgres.Config) {
		c.DSN, c.MaxConns, c.MaxWait, c.Logger = server.dsn, conns, patience, slog.New(slog.NewTextHandler(&log, nil))
	})
	query := compile(t, s, "SELECT pg_sleep(0.002)::text AS v")
	for change := range times {
		few := startLoad(query, 2)
		few.more(t, 100)
		next := newAuthority(t, fmt.Sprint("authority ", change))
		next.issue(server.data, "server", server.address)
		server.db.Exec("SELECT pg_reload_conf()")
		many := startLoad(query, 3*conns)
		many.more(t, 200)
		next.issue(server.client, server.role, server.address)
		before := pidsOf(t, server.db, server.role)
		if err := s.Reconnect(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "all connections are new", func() bool {
			now := pidsOf(t, server.db, server.role)
			for pid := range now {
				if before[pid] {
					return false
				}
			}
			return len(now) == conns
		})
		many.more(t, 200)
		if failed := few.end(t) + many.end(t); failed > 0 {
			t.Errorf("%d runs failed", failed)
		}
	}
}

// pidsOf are the sessions of a role.
func pidsOf(t *testing.T, db *pgtest.DB, role string) map[int]bool {
	t.Helper()
	return scalar[map[int]bool](t, db, "SELECT coalesce(json_object_agg(pid, true), '{}') FROM pg_stat_activity WHERE usename = $1", role)
}

func TestCertificateChangeUnderLoad(t *testing.T) {
	t.Parallel()
	changeCertificates(t, 2)
}
