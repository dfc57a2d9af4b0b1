package postgres_test

import (
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// network is between a source and its database, and can lose connections as a firewall does: without a word.
type network struct {
	listener net.Listener
	socket   string

	mu      sync.Mutex
	lost    chan struct{} // closed: the connections made until then pass nothing on
	swallow bool          // new connections are taken, and nobody answers
}

func newNetwork(t *testing.T, db *pgtest.DB) (*network, string) {
	t.Helper()
	directory, ok := between(db.ReaderDSN, "host='", "'")
	if !ok || !strings.HasPrefix(directory, "/") {
		t.Fatal("the test database is not reached through a socket: ", db.ReaderDSN)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{listener: listener, socket: directory + "/.s.PGSQL.5432", lost: make(chan struct{})}
	t.Cleanup(func() { listener.Close() })
	go n.serve()
	dsn := strings.Replace(db.ReaderDSN, "host='"+directory+"'", "host=127.0.0.1", 1)
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	return n, strings.Replace(dsn, "port=5432", "port="+port, 1)
}

func between(text, before, after string) (string, bool) {
	_, rest, ok := strings.Cut(text, before)
	found, _, ended := strings.Cut(rest, after)
	return found, ok && ended
}

func (n *network) serve() {
	for {
		client, err := n.listener.Accept()
		if err != nil {
			return
		}
		n.mu.Lock()
		lost, swallow := n.lost, n.swallow
		n.mu.Unlock()
		if swallow {
			go func() { _, _ = io.Copy(io.Discard, client) }()
			continue
		}
		server, err := net.Dial("unix", n.socket)
		if err != nil {
			client.Close()
			continue
		}
		go pass(client, server, lost)
		go pass(server, client, lost)
	}
}

// pass hands bytes on until the connection is lost, and then takes them and says nothing.
func pass(from, to net.Conn, lost chan struct{}) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-lost:
			if err == nil {
				continue
			}
			return
		default:
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			to.Close()
			return
		}
	}
}

// lose silences all connections that there are; with all, those that are still to be made, too.
func (n *network) lose(all bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.lost)
	n.lost, n.swallow = make(chan struct{}), all
}

// mend lets new connections through.
func (n *network) mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.swallow = false
}

// warm makes count connections of the source, idle when it returns.
func warm(t *testing.T, s *postgres.Source, count int) {
	t.Helper()
	query := compile(t, s, "SELECT pg_sleep(0.3)::text AS v")
	var all sync.WaitGroup
	for range count {
		all.Go(func() { rows(t, query) })
	}
	all.Wait()
}

// timed runs a query with a time limit, and returns by how much the answer was late.
func timed(query source.Query, limit time.Duration) (late time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	started := time.Now()
	err = query.Run(ctx, source.Call{}, &cells{})
	return time.Since(started) - limit, err
}

// Connections that died without a word cost their callers no more than their time limit, and are found before others meet
// them.
func TestConnectionsThatDieSilently(t *testing.T) {
	t.Parallel()
	for name, all := range map[string]bool{"connections alone": false, "and the way to the server": true} {
		t.Run(name, func(t *testing.T) {
			db := pgtest.New(t)
			network, dsn := newNetwork(t, db)
			const connections = 4
			s := open(t, db, func(c *postgres.Config) { c.DSN, c.MaxConns, c.ConnectTimeout = dsn, connections, time.Second })
			query := compile(t, s, "SELECT 1 AS v")
			warm(t, s, connections)
			control, err := timed(compile(t, s, "SELECT pg_sleep(3600)::text AS v"), time.Second)
			if !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
				t.Fatal(err)
			}
			network.lose(all)
			late, err := timed(query, time.Second)
			if !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
				t.Errorf("on a silent connection: %v", err)
			}
			t.Logf("late by %s, where the database obeys by %s", late, control)
			within(t, db, "the answer after the time limit", late, time.Second+4*max(control, 0))
			network.mend()
			started := time.Now()
			var others sync.WaitGroup
			for range connections - 1 { // the place of the one that was lost is free when it is certain that nothing runs there
				others.Go(func() {
					if late, err := timed(query, 30*time.Second); err != nil {
						t.Errorf("another caller %s after its limit: %v", late, err)
					}
				})
			}
			others.Wait()
			t.Logf("the others had their answers after %s", time.Since(started))
		})
	}
}

// PostgreSQL does not look for cancel requests everywhere: the caller has its answer all the same, and the connection keeps
// its place until the server is done.
func TestDatabaseThatDoesNotLookForCancelRequests(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
		LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$`)
	s := open(t, db, oneConnection, func(c *postgres.Config) { c.MaxWait = 200 * time.Millisecond })
	control, err := timed(compile(t, s, "SELECT pg_sleep(3600)::text AS v"), time.Second)
	if !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
		t.Fatal(err)
	}
	stubborn := compile(t, s, "SELECT stubborn() AS v")
	late, err := timed(stubborn, time.Second)
	const works = `SELECT count(*)::int FROM pg_stat_activity
		WHERE query LIKE '%stubborn()%' AND state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()`
	if scalar[int](t, db, works) == 0 { // a busy machine may not come to run it within the first limit
		late, err = timed(stubborn, 20*time.Second)
	}
	if !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
		t.Errorf("got %v", err)
	}
	t.Logf("late by %s, where the database obeys by %s", late, control)
	within(t, db, "the answer after the time limit", late, time.Second+4*max(control, 0))
	query := compile(t, s, "SELECT 1 AS v")
	if err := query.Run(t.Context(), source.Call{}, &cells{}); !dataapi.HasCode(err, dataapi.CodeOverloaded) {
		t.Errorf("while the database works on the lost query: got %v, want %s", err, dataapi.CodeOverloaded)
	}
	db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%stubborn%' AND pid <> pg_backend_pid() AND datname = current_database()")
	eventually(t, "the place is free again", func() bool { return query.Run(t.Context(), source.Call{}, &cells{}) == nil })
}

// Close does not wait for what the database does not end.
func TestCloseWithAQueryThatWasGivenUp(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	network, dsn := newNetwork(t, db)
	s, err := postgres.New(postgres.Config{DSN: dsn, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	warm(t, s, 2)
	network.lose(false)
	if _, err := timed(compile(t, s, "SELECT 1 AS v"), 100*time.Millisecond); !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
		t.Error(err)
	}
	started := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	within(t, db, "Close", time.Since(started), 10*time.Second)
}
