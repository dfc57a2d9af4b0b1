package pgtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"
)

// ConnectionCounter relays connections to PostgreSQL, and counts those that its client has open. PostgreSQL itself shows a
// backend for a while after its client has gone, for as long as the machine is busy.
type ConnectionCounter struct {
	network, address string // PostgreSQL's

	mu     sync.Mutex
	open   map[*net.UnixConn]bool
	opened atomic.Int64
	most   atomic.Int64 // at once
}

// CountConnections returns a counter in front of a database, and how the reader connects through it. The counter ends with the test.
func CountConnections(t testing.TB, db *DB) (*ConnectionCounter, string) {
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
	c := &ConnectionCounter{open: make(map[*net.UnixConn]bool)}
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

// Opened returns how many connections were opened, those that ask for a cancellation apart.
func (c *ConnectionCounter) Opened() int64 { return c.opened.Load() }

// Most returns how many connections were open at once at most.
func (c *ConnectionCounter) Most() int64 { return c.most.Load() }

// cancelRequest is the code of a start-up message that asks for a cancellation, and for no connection.
const cancelRequest = 80877102

func (c *ConnectionCounter) relay(client *net.UnixConn) {
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
func (c *ConnectionCounter) count(client *net.UnixConn) {
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

func (c *ConnectionCounter) forget(client *net.UnixConn) {
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
