package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

// A server that is stopped, or cut off, in the middle of a transaction does not keep its jobs from the others.
func TestAServerThatHangsGivesUpItsLocks(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t).AdminDSN
	hangs, works := openReal(t, dsn, pgstore.Options{}), openReal(t, dsn, pgstore.Options{})
	if err := hangs.Accept(t.Context(), makeJob(time.Now()), job.Quota{}); err != nil {
		t.Fatal(err)
	}
	held, released, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	release := sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	go func() { ended <- hangs.Hold(context.Background(), held, released) }()
	<-held
	if jobs, _ := claimAt(t, works, "works", time.Now(), time.Minute); len(jobs) != 0 {
		t.Fatal("a job was claimed that is locked")
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if jobs, _ := claimAt(t, works, "works", time.Now(), time.Minute); len(jobs) == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a job is locked for more than %s by a server that hangs", patience)
		}
	}
	release()
	// It is done again where that is safe.
	if err := <-ended; err != nil && !errors.Is(err, pgstore.ErrUnavailable) && !errors.Is(err, pgstore.ErrUnknown) {
		t.Errorf("the transaction that hung ended with %v", err)
	}
}

// A network that drops everything and says nothing keeps nobody waiting for good, and is gone when it is gone.
func TestASilentNetwork(t *testing.T) {
	t.Parallel()
	network := newNetwork(t, pgtest.New(t))
	s := openReal(t, network.dsn, pgstore.Options{})
	kept := makeJob(time.Now())
	if err := s.Accept(t.Context(), kept, job.Quota{}); err != nil {
		t.Fatal(err)
	}
	network.cut()
	for what, call := range map[string]func() error{
		"a read":  func() error { _, err := s.Get(context.Background(), kept.ID); return err },
		"a write": func() error { return s.Accept(context.Background(), makeJob(time.Now()), job.Quota{}) },
		"a claim": func() error {
			_, _, err := s.Claim(context.Background(), "one", time.Now(), time.Now().Add(time.Minute), job.Capacity{Jobs: 1})
			return err
		},
	} {
		ended := make(chan error, 1)
		go func() { ended <- call() }()
		select {
		case err := <-ended:
			if !errors.Is(err, pgstore.ErrUnavailable) && !errors.Is(err, pgstore.ErrUnknown) {
				t.Errorf("%s ended with %v", what, err)
			}
		case <-time.After(patience):
			t.Fatalf("%s waits for more than %s for a network that is silent", what, patience)
		}
	}
	network.heal()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		_, err := s.Get(t.Context(), kept.ID)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the network is back, and the store is not: %v", err)
		}
	}
}

// network is between a store and its database.
type network struct {
	dsn    string
	target string

	mu    sync.Mutex
	whole chan struct{} // closed while everything gets through
}

func newNetwork(t *testing.T, db *pgtest.DB) *network {
	t.Helper()
	config, err := pgconn.ParseConfig(db.AdminDSN)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	n := &network{
		dsn: fmt.Sprintf("host=127.0.0.1 port=%d user=%s password='%s' dbname=%s sslmode=disable",
			listener.Addr().(*net.TCPAddr).Port, config.User, config.Password, config.Database),
		whole: make(chan struct{}),
	}
	t.Cleanup(n.heal)
	close(n.whole)
	n.target = net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
	if filepath.IsAbs(config.Host) {
		n.target = filepath.Join(config.Host, fmt.Sprintf(".s.PGSQL.%d", config.Port))
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go n.carry(conn)
		}
	}()
	return n
}

func (n *network) carry(conn net.Conn) {
	defer conn.Close()
	n.pass()
	protocol := "tcp"
	if filepath.IsAbs(n.target) {
		protocol = "unix"
	}
	database, err := net.Dial(protocol, n.target)
	if err != nil {
		return
	}
	defer database.Close()
	go n.copy(database, conn)
	n.copy(conn, database)
}

func (n *network) copy(to io.WriteCloser, from io.Reader) {
	defer to.Close()
	for buffer := make([]byte, 4096); ; {
		read, err := from.Read(buffer)
		n.pass()
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:read]); err != nil {
			return
		}
	}
}

// pass waits until something gets through.
func (n *network) pass() {
	n.mu.Lock()
	whole := n.whole
	n.mu.Unlock()
	<-whole
}

func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.whole = make(chan struct{})
}

func (n *network) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.whole:
	default:
		close(n.whole)
	}
}
