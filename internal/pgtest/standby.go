package pgtest

import (
	"fmt"
	"strings"
	"testing"
)

// NewStandby starts a second server that follows this one by streaming, and answers reads. It is removed when the test ends. It needs
// PostgreSQL's programs: Docker is not enough.
func (c *Cluster) NewStandby(t testing.TB) *Cluster {
	t.Helper()
	if c.binDir == "" {
		t.Fatal("a standby needs PostgreSQL's programs, pg_basebackup among them: install them, as `make tools` does")
	}
	standby, err := newCluster(c.settings, func(standby *Cluster) error {
		backup := c.command("pg_basebackup", "-h", c.dir, "-U", superuser, "-D", standby.dataDir(), "-R", "-X", "stream", "-c", "fast", "--no-sync")
		if output, err := backup.CombinedOutput(); err != nil {
			return fmt.Errorf("pg_basebackup: %w: %s", err, strings.TrimSpace(string(output)))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("no standby for this test: %v", err)
	}
	t.Cleanup(standby.remove)
	return standby
}

// Promote makes a standby a primary, and returns when it is one.
func (c *Cluster) Promote(t testing.TB) {
	t.Helper()
	if err := execute(c.DSN(), "DO $$ BEGIN IF NOT pg_promote(true, 60) THEN RAISE 'not within a minute'; END IF; END $$"); err != nil {
		t.Fatalf("promoting the standby: %v", err)
	}
}

// Host is where the server listens, for the keyword host of a connection string; its port is 5432.
func (c *Cluster) Host() string { return c.dir }

// Synchronize lets commits wait for a standby from now on (synchronous_standby_names), and returns when one follows.
func (c *Cluster) Synchronize(t testing.TB) {
	t.Helper()
	for _, statement := range []string{
		"ALTER SYSTEM SET synchronous_standby_names = '*'", // stands alone: it may be in no transaction
		"SELECT pg_reload_conf()",
		`DO $$ BEGIN
			WHILE NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync') LOOP
				PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
			END LOOP;
		END $$`,
	} {
		if err := execute(c.DSN(), statement); err != nil {
			t.Fatalf("waiting for the standby: %v", err)
		}
	}
}
