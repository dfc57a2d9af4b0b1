package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// PgBouncer is the real proxy, in transaction mode, in front of one test's database.
type PgBouncer struct {
	dir      string
	database string
}

const bouncerPort = 6432

// NewPgBouncer starts a proxy that ends with the test, with at most serverConnections to the database for each role:
// [ReaderRole], and those named here, which have its password where the server asks for one. Further lines go into the
// proxy's configuration, such as "ignore_startup_parameters = extra_float_digits". It fails the test when there is no
// PgBouncer to be had.
func (db *DB) NewPgBouncer(serverConnections int, roles []string, configuration ...string) *PgBouncer {
	db.t.Helper()
	proxy, err := db.startPgBouncer(serverConnections, roles, configuration)
	if err != nil {
		db.t.Fatalf("no PgBouncer for this test: %v", err)
	}
	return proxy
}

// DSN is how a role connects through the proxy.
func (p *PgBouncer) DSN(role string) string {
	return fmt.Sprintf("host=%s port=%d user=%s dbname=%s password=%s sslmode=disable",
		quote(p.dir), bouncerPort, quote(role), quote(p.database), quote(readerPassword))
}

func (db *DB) startPgBouncer(serverConnections int, roles, configuration []string) (*PgBouncer, error) {
	binary, err := FindProgram("pgbouncer")
	if err != nil {
		return nil, err
	}
	server, err := pgconn.ParseConfig(db.AdminDSN)
	if err != nil {
		return nil, err
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(socketRoot(), "pgbouncer-")
	if err != nil {
		return nil, err
	}
	var users strings.Builder
	for _, role := range append([]string{ReaderRole}, roles...) {
		fmt.Fprintf(&users, "%q %q\n", role, readerPassword)
	}
	settings := append([]string{
		"[databases]", fmt.Sprintf("* = host=%s port=%d", server.Host, server.Port),
		"[pgbouncer]", "pool_mode = transaction", "auth_type = trust", "auth_file = " + filepath.Join(dir, "users"),
		"unix_socket_dir = " + dir, "listen_port = " + strconv.Itoa(bouncerPort), "listen_addr =",
		"default_pool_size = " + strconv.Itoa(serverConnections), "logfile = " + filepath.Join(dir, "log"),
	}, configuration...)
	for name, content := range map[string]string{"users": users.String(), "ini": strings.Join(settings, "\n") + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	if account != nil {
		for _, path := range []string{dir, filepath.Join(dir, "users"), filepath.Join(dir, "ini")} {
			if err := os.Chown(path, int(account.Uid), int(account.Gid)); err != nil {
				return nil, err
			}
		}
	}
	proxy := &PgBouncer{dir: dir, database: db.Name}
	return proxy, proxy.run(db.t, binary, account)
}

// run starts the program below a shell that ends it when this process is gone, however that ends.
func (p *PgBouncer) run(t testing.TB, binary string, account *syscall.Credential) error {
	const script = `"$1" "$2/ini" >/dev/null 2>&1 & proxy=$!; cat >/dev/null; kill -KILL "$proxy"; wait "$proxy"; rm -rf "$2"`
	command := exec.Command("sh", "-c", script, "pgtest-pgbouncer", binary, p.dir)
	command.Dir = p.dir
	command.SysProcAttr = &syscall.SysProcAttr{Credential: account, Setsid: true}
	input, alive, err := os.Pipe()
	if err != nil {
		return err
	}
	command.Stdin = input
	if err := errors.Join(command.Start(), input.Close()); err != nil {
		return errors.Join(err, alive.Close())
	}
	t.Cleanup(func() {
		_ = alive.Close()
		_ = command.Wait()
		_ = os.RemoveAll(p.dir)
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgconn.Connect(ctx, p.DSN(ReaderRole))
		if err == nil {
			return conn.Close(ctx)
		}
		if ctx.Err() != nil {
			log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			return fmt.Errorf("PgBouncer was not ready within a minute: %w\n%s", err, log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// FindProgram returns the path of a program that tests run, such as a proxy.
func FindProgram(name string) (string, error) {
	for _, path := range []string{name, "/usr/sbin/" + name} { // Debian's users have no sbin in their PATH
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("this test needs %s: install it, as `make tools` does where it may", name)
}
