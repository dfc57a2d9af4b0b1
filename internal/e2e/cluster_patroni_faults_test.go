//go:build linux && faults

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// TestFaultsClusterFailoverByPatroni is TestFaultsClusterFailoverOfTheStore with a standby that Patroni promotes, when etcd has
// told it that the primary is gone.
func TestFaultsClusterFailoverByPatroni(t *testing.T) {
	p := newPatroni(t)
	one, two := p.member("one"), p.member("two")
	primary := p.awaitPrimary(one, two)
	other := one
	if primary == one {
		other = two
	}
	p.awaitStandby(primary)
	stored := pgtest.On(t, primary.dsn("postgres"))
	failOver(t, failover{
		stored: stored, hosts: fmt.Sprintf("host=127.0.0.1,127.0.0.1 port=%d,%d", one.port, two.port),
		kill: primary.kill,
		promote: func() string {
			p.awaitPrimary(other)
			return other.dsn(stored.Name)
		},
	})
}

// patroni is a PostgreSQL that looks after its primary itself.
type patroni struct {
	t       *testing.T
	dir     string
	account *syscall.Credential
	etcd    int // port
}

// patroniMember is one of its servers.
type patroniMember struct {
	*patroni
	name string
	port int
	cmd  *exec.Cmd
}

func newPatroni(t *testing.T) *patroni {
	t.Helper()
	account, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(account.Uid, 10, 32)
	gid, _ := strconv.ParseUint(account.Gid, 10, 32)
	dir, err := os.MkdirTemp("/tmp", "patroni-") //nolint:usetesting // its sockets need a short path that is open to the account
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	p := &patroni{t: t, dir: dir, account: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, etcd: servertest.FreePort(t)}
	client, peer := fmt.Sprintf("http://127.0.0.1:%d", p.etcd), fmt.Sprintf("http://127.0.0.1:%d", servertest.FreePort(t))
	etcd := p.start("etcd", "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	t.Cleanup(func() { end(etcd) })
	return p
}

func (p *patroni) start(program string, arguments ...string) *exec.Cmd {
	p.t.Helper()
	path, err := pgtest.FindProgram(program)
	if err != nil {
		p.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(p.dir, fmt.Sprintf("log-%d", time.Now().UnixNano())))
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	command := exec.Command(path, arguments...)
	command.Dir, command.Stdout, command.Stderr = p.dir, log, log
	command.SysProcAttr = &syscall.SysProcAttr{Credential: p.account, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if p.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			p.t.Logf("%s:\n%s", program, text[max(0, len(text)-4000):])
		}
	})
	return command
}

func end(command *exec.Cmd) {
	_ = command.Process.Kill()
	_ = command.Wait()
}

const patroniConfiguration = `scope: data-api
name: %[1]s
restapi: {listen: '127.0.0.1:%[2]d', connect_address: '127.0.0.1:%[2]d'}
etcd3: {hosts: '127.0.0.1:%[3]d'}
bootstrap:
  dcs:
    {ttl: 20, loop_wait: 2, retry_timeout: 6, maximum_lag_on_failover: 1048576, synchronous_mode: true,
     postgresql: {use_pg_rewind: false, parameters: {max_connections: 200, fsync: 'off'}}}
  initdb: [encoding: UTF8, locale: C]
postgresql:
  listen: '127.0.0.1:%[4]d'
  connect_address: '127.0.0.1:%[4]d'
  data_dir: %[5]s/%[1]s
  bin_dir: %[6]s
  pgpass: %[5]s/pgpass-%[1]s
  authentication: {superuser: {username: postgres, password: data-api}, replication: {username: replicator, password: data-api}}
  parameters: {unix_socket_directories: '%[5]s'}
  pg_hba: [local %[7]s %[7]s trust, host %[7]s %[7]s 127.0.0.1/32 trust, host replication %[7]s 127.0.0.1/32 trust]
`

// member starts a server.
func (p *patroni) member(name string) *patroniMember {
	p.t.Helper()
	initdb, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(initdb) == 0 {
		p.t.Fatal("this test needs PostgreSQL's programs where Debian puts them")
	}
	m := &patroniMember{patroni: p, name: name, port: servertest.FreePort(p.t)}
	path := filepath.Join(p.dir, name+".yml")
	content := fmt.Sprintf(patroniConfiguration, name, servertest.FreePort(p.t), p.etcd, m.port, p.dir, filepath.Dir(initdb[len(initdb)-1]), "all")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
	m.cmd = p.start("patroni", path)
	p.t.Cleanup(m.kill)
	return m
}

// kill ends Patroni and PostgreSQL as the loss of their machine does.
func (m *patroniMember) kill() {
	end(m.cmd)
	text, err := os.ReadFile(filepath.Join(m.dir, m.name, "postmaster.pid"))
	if err != nil {
		return
	}
	line, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(line)
	command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", postmaster))
	if err != nil || !bytes.Contains(command, []byte(m.dir)) {
		return // it has ended, and the number may be another process's
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", postmaster))
	_ = syscall.Kill(postmaster, syscall.SIGKILL)
	for child := range strings.FieldsSeq(string(children)) {
		if id, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(id, syscall.SIGKILL)
		}
	}
}

func (m *patroniMember) dsn(database string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=postgres password=data-api dbname=%s sslmode=disable", m.port, database)
}

// answers asks a member a question of yes or no; one that cannot be asked says no.
func (m *patroniMember) answers(question string) (yes bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, m.dsn("postgres"))
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	return conn.QueryRow(ctx, question).Scan(&yes) == nil && yes
}

// awaitPrimary returns the member that writes.
func (p *patroni) awaitPrimary(members ...*patroniMember) (primary *patroniMember) {
	p.t.Helper()
	servertest.Eventually(p.t, "a server of Patroni's is the primary", 2*patience, func() bool {
		for _, m := range members {
			if m.answers("SELECT NOT pg_is_in_recovery()") {
				primary = m
			}
		}
		return primary != nil
	})
	return primary
}

// awaitStandby waits until commits of the primary wait for the standby.
func (p *patroni) awaitStandby(primary *patroniMember) {
	p.t.Helper()
	servertest.Eventually(p.t, "the standby of Patroni's is synchronous", 2*patience, func() bool {
		return primary.answers("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync') AND current_setting('synchronous_standby_names') <> ''")
	})
}
