package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// superuser is the role that initdb makes.
const superuser = "postgres"

// settings make the server quick and reachable through its socket alone. Commits stay synchronous: an asynchronous one
// would be lost by Stop, which is a crash.
var settings = []string{"-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off",
	"-c", "shared_buffers=64MB", "-c", "max_connections=200"}

// Cluster is a PostgreSQL of the test's own, which it may stop and start. Its socket stays at the same path.
type Cluster struct {
	dir     string // holds data/, the socket and the log
	binDir  string // empty: runs in Docker
	account *syscall.Credential

	settings []string // of the server: its arguments

	process *exec.Cmd // nil while stopped
	exited  chan struct{}
	alive   *os.File // the watchdog's standard input: it closes when this process ends, however it ends
	watcher *exec.Cmd
}

// NewCluster starts a cluster for one test, and removes it when the test ends. DATA_API_TEST_DSN does not apply, since
// the test is going to stop it. Further arguments are the server's, such as "-c", "listen_addresses=127.0.0.2".
func NewCluster(t testing.TB, arguments ...string) *Cluster {
	t.Helper()
	cluster, err := start(arguments...)
	if err != nil {
		t.Fatalf("no PostgreSQL for this test: %v", err)
	}
	t.Cleanup(cluster.remove)
	return cluster
}

// New returns a fresh database on this cluster.
func (c *Cluster) New(t testing.TB) *DB {
	t.Helper()
	server, err := newServer(c.DSN())
	if err != nil {
		t.Fatalf("preparing the cluster: %v", err)
	}
	return server.createDatabase(t)
}

// DSN is the superuser's.
func (c *Cluster) DSN() string {
	return fmt.Sprintf("host=%s port=5432 user=%s dbname=postgres sslmode=disable", quote(c.dir), superuser)
}

// Stop ends the server at once, as a crash does: clients lose their connections silently.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	if err := c.stop(); err != nil {
		t.Fatalf("stopping PostgreSQL: %v", err)
	}
}

// Kill ends the server and all that serve its clients with SIGKILL, as when its machine is lost. It is not to be started again.
func (c *Cluster) Kill(t testing.TB) {
	t.Helper()
	if c.process == nil || c.binDir == "" {
		t.Fatal("only a PostgreSQL that runs, from installed programs, can be killed")
	}
	pid := c.process.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid)) // elsewhere than on Linux they end by themselves
	if err := c.process.Process.Kill(); err != nil {
		t.Fatalf("killing PostgreSQL: %v", err)
	}
	for child := range strings.FieldsSeq(string(children)) {
		if id, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(id, syscall.SIGKILL) // it may have ended with its parent
		}
	}
	<-c.exited
	c.process = nil
}

// Start starts a stopped server on the same data and socket, and returns when it accepts connections.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	if err := c.run(); err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
}

// Allow lets everybody in from these addresses, such as "198.51.100.0/24", where the server listens on them.
func (c *Cluster) Allow(t testing.TB, addresses string) {
	t.Helper()
	if c.binDir == "" {
		t.Fatal("a PostgreSQL in Docker cannot be reached by TCP")
	}
	file, err := os.OpenFile(filepath.Join(c.dataDir(), "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(file, "host %s %s %s trust\n", "all", "all", addresses)
	if err := errors.Join(err, file.Close(), c.process.Process.Signal(syscall.SIGHUP)); err != nil {
		t.Fatal(err)
	}
}

// Log is what the server has logged until now.
func (c *Cluster) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(c.logFile())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Start starts a cluster for a program that is not a test, with further arguments for the server, such as "-c",
// "shared_buffers=512MB". The cluster ends with [Cluster.Remove], or with the program.
func Start(arguments ...string) (*Cluster, error) { return start(arguments...) }

// Remove ends the server and deletes all that it held.
func (c *Cluster) Remove() { c.remove() }

func start(arguments ...string) (*Cluster, error) {
	return newCluster(slices.Concat(settings, arguments), (*Cluster).initialise)
}

// newCluster makes a cluster with these arguments of the server, whose data initialise makes.
func newCluster(settings []string, initialise func(*Cluster) error) (*Cluster, error) {
	binDir, err := findBinaries()
	if err != nil {
		return nil, err
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(socketRoot(), "pgtest-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, binDir: binDir, account: account, settings: settings}
	if account != nil {
		if err := os.Chown(dir, int(account.Uid), int(account.Gid)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	if err := c.watch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := initialise(c); err != nil {
		c.remove()
		return nil, err
	}
	if err := c.run(); err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

// socketRoot is where the cluster's directory goes: a unix socket's path has at most 107 bytes, and some TMPDIRs are
// longer than that.
func socketRoot() string {
	if root := os.TempDir(); len(root) < 60 {
		return root
	}
	return "/tmp"
}

// unprivileged returns the account to run PostgreSQL as, since it refuses to run as root; nil when we are not root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(account.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(account.Gid, 10, 32)
		if errUID != nil || errGID != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")
}

// watch starts the process that ends the server and removes its directory when this process is gone. It is a process
// because nothing inside a killed test binary can clean up after it.
func (c *Cluster) watch() error {
	const script = `cat >/dev/null
		exec >/dev/null 2>&1
		if [ -n "$2" ]; then docker rm -f -v "$2"; fi
		pid=$(head -n 1 "$1/data/postmaster.pid") && kill -QUIT "$pid" && while kill -0 "$pid"; do sleep 0.05; done
		rm -rf "$1"`
	container := ""
	if c.binDir == "" {
		container = c.containerName()
	}
	c.watcher = exec.Command("sh", "-c", script, "pgtest-watchdog", c.dir, container)
	c.watcher.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of a Ctrl-C at the terminal
	input, alive, err := os.Pipe()
	if err != nil {
		return err
	}
	c.watcher.Stdin, c.alive = input, alive
	err = c.watcher.Start()
	return errors.Join(err, input.Close())
}

// remove ends the server and deletes its directory.
func (c *Cluster) remove() {
	pristine.mu.Lock()
	if pristine.of == c {
		pristine.of = nil
	}
	pristine.mu.Unlock()
	_ = c.alive.Close()
	_ = c.watcher.Wait()
	if c.process != nil {
		<-c.exited
	}
}

// pristine is the cluster whose directory holds a copy of what initdb has made, for those after it: copying takes a tenth of the time.
var pristine struct {
	mu sync.Mutex
	of *Cluster // nil: there is none
}

func (c *Cluster) initialise() error {
	if c.binDir == "" {
		return c.createContainer()
	}
	pristine.mu.Lock()
	defer pristine.mu.Unlock()
	if pristine.of != nil {
		return c.copy(pristine.of.pristineDir(), c.dataDir())
	}
	initdb := c.command("initdb", "-D", c.dataDir(), "-U", superuser, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(output)))
	}
	if err := c.copy(c.dataDir(), c.pristineDir()); err != nil {
		return err
	}
	pristine.of = c
	return nil
}

func (c *Cluster) copy(from, to string) error {
	command := exec.Command("cp", "-a", from, to)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: c.account}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("copying a cluster: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

func (c *Cluster) run() error {
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if c.binDir == "" {
		c.process = exec.Command("docker", "start", "--attach", c.containerName())
	} else {
		c.process = c.command("postgres", append([]string{"-D", c.dataDir(), "-k", c.dir}, c.settings...)...)
		c.process.SysProcAttr.Setsid = true
	}
	// A file, not a pipe: go test waits for every process that holds its pipes.
	c.process.Stdout, c.process.Stderr = log, log
	if err := c.process.Start(); err != nil {
		c.process = nil
		return err
	}
	process, exited := c.process, make(chan struct{})
	c.exited = exited
	go func() {
		_ = process.Wait()
		close(exited)
	}()
	return c.awaitReady()
}

func (c *Cluster) awaitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgconn.Connect(ctx, c.DSN())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-c.exited:
			text, _ := os.ReadFile(c.logFile())
			return fmt.Errorf("PostgreSQL ended at its start: %s", strings.TrimSpace(string(text)))
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL was not ready within a minute: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *Cluster) stop() error {
	if c.process == nil {
		return errors.New("it is not running")
	}
	if c.binDir == "" {
		if output, err := exec.Command("docker", "kill", c.containerName()).CombinedOutput(); err != nil {
			return fmt.Errorf("docker kill: %w: %s", err, output)
		}
	} else if err := c.process.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	<-c.exited
	c.process = nil
	return nil
}

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(c.binDir, name), args...)
	command.Dir = c.dir // the working directory of root may be closed to the account
	command.SysProcAttr = &syscall.SysProcAttr{Credential: c.account}
	return command
}

func (c *Cluster) dataDir() string     { return filepath.Join(c.dir, "data") }
func (c *Cluster) pristineDir() string { return filepath.Join(c.dir, "pristine") }
func (c *Cluster) logFile() string     { return filepath.Join(c.dir, "log") }

// quote writes a value of a keyword/value DSN.
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}
