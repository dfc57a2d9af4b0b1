package pgstore_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

// follow has a store follow the others until the test ends, and waits until it knows of them, and that signals work.
func follow(t *testing.T, heard func(context.Context, []store.Change) error, signals bool, stores ...*pgstore.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	for _, s := range stores {
		following.Go(func() { s.Follow(ctx, heard) })
	}
	t.Cleanup(func() {
		cancel()
		following.Wait()
	})
	for _, s := range stores {
		eventually(t, "each server knows of the others", func() bool {
			standing := s.Standing()
			return standing.Nodes == len(stores) && standing.Signals == signals
		})
	}
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// What servers tell each other is signalled: here nobody asks.
func TestSignals(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t).AdminDSN
	options := pgstore.SignalsOnly(pgstore.Options{})
	one, two := openReal(t, dsn, options), openReal(t, dsn, options)
	var changes listener
	follow(t, changes.hear, true, one, two)

	if err := one.Tell(t.Context(), store.Change{Kind: store.Cache, Key: "acme"}); err != nil {
		t.Fatal(err)
	}
	changes.await(t, "cache acme", "cache acme")

	// Ends of jobs, a few by name and many by no name, and jobs that were given back.
	var mu sync.Mutex
	var ended []job.ID
	var freed, anyEnded int
	ctx, cancel := context.WithCancel(t.Context())
	var hearing sync.WaitGroup
	hearing.Go(func() {
		two.Hear(ctx, func(ids []job.ID) {
			mu.Lock()
			defer mu.Unlock()
			if ended = append(ended, ids...); ids == nil {
				anyEnded++
			}
		}, func() {
			mu.Lock()
			defer mu.Unlock()
			freed++
		})
	})
	defer hearing.Wait()
	defer cancel()
	eventually(t, "LISTEN begins with what it may have missed", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return anyEnded > 0
	})
	now := time.Now()
	var jobs []job.Job
	for range 10 {
		j := makeJob(now)
		if err := one.Accept(t.Context(), j, job.Quota{}); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	claimed, _ := claimAt(t, one, "one", now, time.Hour)
	if len(claimed) != len(jobs) {
		t.Fatalf("claimed %d jobs", len(claimed))
	}
	mu.Lock()
	freedBefore, endedBefore := freed, anyEnded
	mu.Unlock()
	for _, j := range jobs[1:] {
		if _, err := one.Finish(t.Context(), j.ID, 1, job.Outcome{Status: job.Cancelled, CompletedAt: now, ExpiresAt: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Release(t.Context(), jobs[0].ID, 1, time.Time{}, true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ends of jobs and one that was given back are signalled", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, j := range jobs[1:] {
			if !slices.Contains(ended, j.ID) {
				return false
			}
		}
		return freed > freedBefore && anyEnded == endedBefore
	})
}

// More jobs than a signal can name have ended at once: then any may have.
func TestAnySignal(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t).AdminDSN
	one, two := openReal(t, dsn, pgstore.SignalsOnly(pgstore.Options{})), openReal(t, dsn, pgstore.SignalsOnly(pgstore.Options{}))
	follow(t, new(listener).hear, true, one, two)
	var anyEnded atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	var hearing sync.WaitGroup
	hearing.Go(func() {
		two.Hear(ctx, func(ids []job.ID) {
			if ids == nil {
				anyEnded.Add(1)
			}
		}, func() {})
	})
	defer hearing.Wait()
	defer cancel()
	eventually(t, "LISTEN begins with what it may have missed", func() bool { return anyEnded.Load() > 0 })
	before := anyEnded.Load()
	ids := make([]job.ID, 1000)
	for i := range ids {
		ids[i] = job.NewID(time.Now())
	}
	one.Announce(ids...)
	eventually(t, "that many have ended is signalled", func() bool { return anyEnded.Load() > before })
}

// TestListeningHasNoLimit: the connection that listens says nothing for as long as it lives, also where sessions that do so are ended.
func TestListeningHasNoLimit(t *testing.T) {
	t.Parallel()
	const limit = 2 * time.Second
	db := pgtest.New(t)
	db.Exec(fmt.Sprintf("ALTER DATABASE %s SET idle_session_timeout = '%s'", db.Name, limit))
	asks := db.Conn()
	if _, err := asks.Exec(t.Context(), "SET idle_session_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	one := openReal(t, db.AdminDSN, pgstore.SignalsOnly(pgstore.Options{}))
	follow(t, new(listener).hear, true, one)
	listening := func() (pid int) {
		_ = asks.QueryRow(t.Context(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'`).Scan(&pid)
		return pid
	}
	first := 0
	eventually(t, "it listens", func() bool { first = listening(); return first != 0 })
	time.Sleep(limit + limit/2)
	if now := listening(); now != first {
		t.Errorf("the session that listens is %d, and was %d", now, first)
	}
}

// A connection that hears nothing any more, and does not say so, is replaced; meanwhile nothing is missed.
func TestDeafConnectionIsNoticed(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	proxy := startProxy(t, db.AdminDSN)
	one, two := openReal(t, db.AdminDSN, pgstore.Options{}), openReal(t, proxy.dsn, pgstore.Options{})
	var changes listener
	follow(t, changes.hear, true, one, two)
	proxy.silence()
	if err := one.Tell(t.Context(), store.Change{Kind: store.Cache, Key: "unheard"}); err != nil {
		t.Fatal(err)
	}
	changes.await(t, "cache unheard", "cache unheard") // by asking
	eventually(t, "the silence is noticed", func() bool { return !two.Standing().Signals })
	if n := two.Standing().Nodes; n != 2 {
		t.Errorf("it knows of %d servers", n)
	}
	eventually(t, "another connection hears", func() bool { return two.Standing().Signals })
}

// A server without LISTEN hears all the same, and is heard of.
func TestPollOnly(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t).AdminDSN
	one, two := openReal(t, dsn, pgstore.Options{PollOnly: true}), openReal(t, dsn, pgstore.Options{PollOnly: true})
	var changes listener
	follow(t, changes.hear, false, one, two)
	if err := one.Tell(t.Context(), store.Change{Kind: store.Cache, Key: "acme"}); err != nil {
		t.Fatal(err)
	}
	changes.await(t, "cache acme", "cache acme")
}

// proxy passes bytes on between a store and its database.
type proxy struct {
	dsn string

	mu        sync.Mutex
	listening []*atomic.Bool
}

func startProxy(t *testing.T, dsn string) *proxy {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	network, address := pgconnAddress(config)
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = front.Close() })
	p := &proxy{dsn: fmt.Sprintf("host=127.0.0.1 port=%d user='%s' password='%s' dbname='%s' sslmode=disable",
		front.Addr().(*net.TCPAddr).Port, config.User, config.Password, config.Database)}
	go func() {
		for {
			client, err := front.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				_ = client.Close()
				continue
			}
			go p.pass(client, server)
		}
	}()
	return p
}

func pgconnAddress(config *pgx.ConnConfig) (network, address string) {
	if config.Host[0] == '/' {
		return "unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.Host, config.Port)
	}
	return "tcp", net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
}

func (p *proxy) pass(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	silent := new(atomic.Bool)
	go func() {
		defer server.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := client.Read(buffer)
			if bytes.Contains(buffer[:n], []byte("LISTEN ")) {
				p.mu.Lock()
				p.listening = append(p.listening, silent)
				p.mu.Unlock()
			}
			if _, failed := server.Write(buffer[:n]); err != nil || failed != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if silent.Load() {
			n = 0
		}
		if _, failed := client.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

// silence drops what comes for the connections that have said LISTEN.
func (p *proxy) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, silent := range p.listening {
		silent.Store(true)
	}
}
