package execution_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// A storm of jobs that are cancelled at every moment of their lives opens no more connections than the pool may have.
func TestStormOfCancelledJobsKeepsConnectionsBounded(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	counter, dsn := countConnections(t, db)
	engine, watcher := endlessEngine(t, db, dsn, 32)
	const total = 2000
	ctx, stop := context.WithCancel(t.Context())
	var storm sync.WaitGroup
	var cancelled, failed atomic.Int32
	turns := make(chan struct{}, 64)
	storm.Go(func() {
		defer stop()
		var jobs sync.WaitGroup
		for range total {
			turns <- struct{}{}
			jobs.Go(func() {
				defer func() { <-turns }()
				j, err := engine.Accept(context.Background(), job.Request{Company: "acme", User: "integration"})
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(rand.N(60 * time.Millisecond))
				switch _, err := engine.Cancel(context.Background(), j.ID); {
				case err == nil:
					cancelled.Add(1)
				case errors.Is(err, job.ErrEnded):
					failed.Add(1) // it found no connection free in time
				default:
					t.Error(err)
				}
			})
		}
		jobs.Wait()
	})
	<-ctx.Done()
	storm.Wait()
	awaitNone(t, watcher)
	opened, most := counter.opened.Load(), counter.most.Load()
	t.Logf("%d jobs were cancelled, %d ended before; %d connections were opened, at most %d of %d at once",
		cancelled.Load(), failed.Load(), opened, most, maxConns)
	if most > maxConns || most < maxConns/2 || cancelled.Load() < total/2 {
		t.Fail()
	}
}

// connectionCounter relays connections to PostgreSQL, and counts those that its client has open. PostgreSQL itself shows a
// backend for a while after its client has gone, for as long as the machine is busy.
type connectionCounter struct {
	network, address string // PostgreSQL's

	mu     sync.Mutex
	open   map[*net.UnixConn]bool
	opened atomic.Int64
	most   atomic.Int64 // at once
}

// countConnections returns a counter in front of a database, and how the reader connects through it.
func countConnections(t *testing.T, db *pgtest.DB) (*connectionCounter, string) {
	t.Helper()
	config, err := pgconn.ParseConfig(db.ReaderDSN)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "count-") //nolint:usetesting // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(dir, ".s.PGSQL.5432")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(listener.Close(), os.RemoveAll(dir)) })
	c := &connectionCounter{open: make(map[*net.UnixConn]bool)}
	c.network, c.address = pgconn.NetworkAddress(config.Host, config.Port)
	go func() {
		for {
			client, err := listener.AcceptUnix()
			if err != nil {
				return
			}
			go c.relay(client)
		}
	}()
	return c, fmt.Sprintf("host=%s port=5432 user=%s password=%s dbname=%s sslmode=disable", dir, config.User, config.Password, config.Database)
}

// cancelRequest is the code of a start-up message that asks for a cancellation, and for no connection.
const cancelRequest = 80877102

func (c *connectionCounter) relay(client *net.UnixConn) {
	defer client.Close()
	var startup [8]byte
	if _, err := io.ReadFull(client, startup[:]); err != nil {
		return
	}
	if binary.BigEndian.Uint32(startup[4:]) != cancelRequest {
		c.count(client)
		defer c.forget(client)
	}
	server, err := net.Dial(c.network, c.address)
	if err != nil {
		return
	}
	defer server.Close()
	if _, err := server.Write(startup[:]); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	_, _ = io.Copy(server, client)
}

// count counts the connections that the client has open at this moment, the new one among them.
func (c *connectionCounter) count(client *net.UnixConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[client] = true
	n := int64(0)
	for conn := range c.open {
		if !hungUp(conn) {
			n++
		}
	}
	c.opened.Add(1)
	c.most.Store(max(c.most.Load(), n))
}

func (c *connectionCounter) forget(client *net.UnixConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, client)
}

// hungUp reports whether the other side has closed the connection, whatever it has written before.
func hungUp(conn *net.UnixConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	gone := true
	_ = raw.Control(func(fd uintptr) {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(polled, 0)
		for errors.Is(err, syscall.EINTR) {
			n, err = unix.Poll(polled, 0)
		}
		gone = n > 0 && polled[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone
}
