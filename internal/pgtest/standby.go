package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// NewStandby starts a copy of the cluster that follows it, and for which its commits wait from now on (synchronous_standby_names).
// It ends with the test.
func (c *Cluster) NewStandby(t testing.TB) *Cluster {
	t.Helper()
	if c.binDir == "" {
		t.Fatal("a standby needs PostgreSQL's programs, and not Docker")
	}
	standby, err := c.startStandby()
	if err != nil {
		t.Fatalf("no standby for this test: %v", err)
	}
	t.Cleanup(standby.remove)
	// Each stands alone: neither may be in a transaction.
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if err := execute(c.DSN(), statement); err != nil {
			t.Fatal(err)
		}
	}
	const inSync = `DO $$ BEGIN
		WHILE NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync') LOOP
			PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
		END LOOP;
	END $$`
	if err := execute(c.DSN(), inSync); err != nil {
		t.Fatalf("the standby does not follow: %v", err)
	}
	return standby
}

func (c *Cluster) startStandby() (*Cluster, error) {
	dir, err := os.MkdirTemp(socketRoot(), "pgtest-")
	if err != nil {
		return nil, err
	}
	standby := &Cluster{dir: dir, binDir: c.binDir, account: c.account, settings: c.settings}
	if c.account != nil {
		if err := os.Chown(dir, int(c.account.Uid), int(c.account.Gid)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	if err := standby.watch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	backup := standby.command("pg_basebackup", "-D", standby.dataDir(), "-d", c.DSN(), "-X", "stream", "-R", "-c", "fast", "--no-sync")
	if output, err := backup.CombinedOutput(); err != nil {
		standby.remove()
		return nil, fmt.Errorf("pg_basebackup: %w: %s", err, strings.TrimSpace(string(output)))
	}
	if err := standby.run(); err != nil {
		standby.remove()
		return nil, err
	}
	return standby, nil
}

// Promote makes a standby a server that writes, and returns when it does.
func (c *Cluster) Promote(t testing.TB) {
	t.Helper()
	if output, err := c.command("pg_ctl", "promote", "-w", "-D", c.dataDir()).CombinedOutput(); err != nil {
		t.Fatalf("pg_ctl promote: %v: %s", err, strings.TrimSpace(string(output)))
	}
}

// Kill ends all processes of the server by SIGKILL, in the middle of whatever they do. It needs Linux.
func (c *Cluster) Kill(t testing.TB) {
	t.Helper()
	postmaster := c.process.Process
	_ = postmaster.Signal(syscall.SIGSTOP) // it shall not begin others meanwhile
	for _, child := range children(postmaster.Pid) {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
	if err := postmaster.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.exited
	c.process = nil
	_ = os.Remove(filepath.Join(c.dataDir(), "postmaster.pid")) // the number may soon be another process's
}

// children returns the processes that a process has begun.
func children(parent int) (found []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// The name, in parentheses, may hold anything; the parent is the second field after it.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		if id, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			found = append(found, id)
		}
	}
	return found
}
