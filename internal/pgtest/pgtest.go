package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ReaderRole is the login role of ReaderDSN: no superuser, no membership, SELECT on what its database holds.
const ReaderRole = "data_api_reader"

// readerPassword is needed only on the servers of DATA_API_TEST_DSN that ask for one. It guards nothing but test data.
const readerPassword = "data-api-test"

// DB is an empty database of its own for one test. It is dropped when the test ends.
type DB struct {
	Name      string
	AdminDSN  string // of the superuser
	ReaderDSN string // of ReaderRole
	t         testing.TB
}

// shared starts one cluster for the whole test binary, when the first test asks for it.
var shared = sync.OnceValues(func() (server, error) {
	if dsn := os.Getenv("DATA_API_TEST_DSN"); dsn != "" {
		return newServer(dsn)
	}
	var err error
	if sharedCluster, err = start(); err != nil {
		return server{}, err
	}
	return newServer(sharedCluster.DSN())
})

// sharedCluster keeps the pipe to the watchdog from being collected as garbage, which would close it and so end the
// server in the middle of a test.
var sharedCluster *Cluster

// New returns a fresh database on the cluster that all tests of this binary share. It fails the test when there is no
// PostgreSQL to be had.
func New(t testing.TB) *DB {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatalf("no PostgreSQL for this test: %v", err)
	}
	return server.createDatabase(t)
}

// On returns a fresh database on a server that somebody else looks after, by the DSN of its superuser.
func On(t testing.TB, dsn string) *DB {
	t.Helper()
	server, err := newServer(dsn)
	if err != nil {
		t.Fatalf("preparing the server: %v", err)
	}
	return server.createDatabase(t)
}

// Exec runs one or more statements as the superuser, and fails the test when one of them fails.
func (db *DB) Exec(sql string) {
	db.t.Helper()
	if err := execute(db.AdminDSN, sql); err != nil {
		db.t.Fatalf("preparing the test database: %v\n%s", err, sql)
	}
}

// Conn returns a connection of the superuser that closes with the test.
func (db *DB) Conn() *pgx.Conn {
	db.t.Helper()
	conn, err := pgx.Connect(context.Background(), db.AdminDSN)
	if err != nil {
		db.t.Fatalf("connecting to the test database: %v", err)
	}
	db.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// server is a running PostgreSQL, by the DSN of its superuser.
type server struct{ config *pgconn.Config }

var databases atomic.Int64

func newServer(dsn string) (server, error) {
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return server{}, fmt.Errorf("DATA_API_TEST_DSN cannot be read: %w", err)
	}
	// Test binaries run side by side on a server of DATA_API_TEST_DSN: the lock keeps them from creating the role twice.
	err = execute(dsn, `DO $$ BEGIN
		PERFORM pg_advisory_xact_lock(4207849484);
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '`+ReaderRole+`') THEN
			CREATE ROLE `+ReaderRole+` LOGIN NOSUPERUSER PASSWORD '`+readerPassword+`';
		END IF;
	END $$`)
	return server{config}, err
}

func (s server) createDatabase(t testing.TB) *DB {
	t.Helper()
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
	admin := s.dsn(s.config.User, s.config.Password, s.config.Database)
	if err := execute(admin, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("creating a test database: %v", err)
	}
	db := &DB{
		Name:      name,
		AdminDSN:  s.dsn(s.config.User, s.config.Password, name),
		ReaderDSN: s.dsn(ReaderRole, readerPassword, name),
		t:         t,
	}
	t.Cleanup(func() {
		if err := execute(admin, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Logf("dropping test database %s: %v", name, err) // a test may have stopped the cluster on purpose
		}
	})
	db.Exec("GRANT USAGE ON SCHEMA public TO " + ReaderRole + ";" +
		"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO " + ReaderRole)
	return db
}

func (s server) dsn(user, password, database string) string {
	text := fmt.Sprintf("host=%s port=%d user=%s dbname=%s", quote(s.config.Host), s.config.Port, quote(user), quote(database))
	if password != "" {
		text += " password=" + quote(password)
	}
	if s.config.TLSConfig == nil {
		text += " sslmode=disable"
	}
	return text
}

func execute(dsn, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql).ReadAll()
	return err
}
