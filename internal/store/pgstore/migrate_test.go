package pgstore_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// A program goes on with a schema that a newer version has brought further, unless that version says that it cannot.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	options := pgstore.Options{Logger: slog.New(slog.DiscardHandler)}
	openReal(t, db.AdminDSN, options)
	db.Exec(`INSERT INTO data_api.schema_versions (version_id, is_applied) VALUES (1000, true)`)
	openReal(t, db.AdminDSN, options)
	if state, err := pgstore.Check(t.Context(), db.AdminDSN, options); err != nil || state.Newer || state.Version != 1000 || len(state.Pending) != 0 {
		t.Errorf("%+v, %v", state, err)
	}
	db.Exec(`CREATE OR REPLACE FUNCTION data_api.least_step() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT 1000::bigint $$`)
	if _, err := pgstore.Open(t.Context(), db.AdminDSN, options); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("a schema that this program does not work with: %v", err)
	}
	if state, err := pgstore.Check(t.Context(), db.AdminDSN, options); err != nil || !state.Newer {
		t.Errorf("%+v, %v", state, err)
	}
}

// TestWaitingForStepsHasNoLimit: a server that waits for another one's steps waits for longer than a statement may take by itself.
func TestWaitingForStepsHasNoLimit(t *testing.T) {
	t.Parallel()
	const limit = 3 * time.Second
	db := pgtest.New(t)
	db.Exec(fmt.Sprintf("ALTER DATABASE %s SET statement_timeout = '%s'", db.Name, limit))
	other := db.Conn()
	if _, err := other.Exec(t.Context(), "SET statement_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	key := (&pgdb.DB{Schema: pgdb.DefaultSchema}).LockKey("")
	if _, err := other.Exec(t.Context(), "SELECT pg_advisory_lock($1)", key); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		s, err := pgstore.Open(t.Context(), db.AdminDSN, pgstore.Options{Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	eventually(t, "the server waits", func() bool {
		var waits bool
		err := other.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory')`).Scan(&waits)
		return err == nil && waits
	})
	time.Sleep(limit + limit/4)
	if _, err := other.Exec(t.Context(), "SELECT pg_advisory_unlock($1)", key); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

// breaking matches what a program of the version before does not survive, or waits for: tables and columns that go or change, and
// locks that last as long as a table is read.
var breaking = regexp.MustCompile(`(?i)\b(drop\s+(table|column|constraint)|rename|alter\s+column\s+\w+\s+(type|set\s+not\s+null)|` +
	`add\s+column\s+\w+\s+\w+\s+not\s+null(\s*,|\s*;|\s*$)|vacuum\s+full|cluster|truncate|delete\s+from|lock\s+table)\b`)

// Each step but the first leaves the servers of the version before working: a step that cannot has to say so by least_step.
func TestStepsLeaveTheVersionBeforeWorking(t *testing.T) {
	files, err := filepath.Glob("schema/*.sql")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files[1:] {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bare := regexp.MustCompile(`(?m)--.*$`).ReplaceAllString(string(text), "")
		if found := breaking.FindString(bare); found != "" && !strings.Contains(bare, "FUNCTION data_api.least_step") {
			t.Errorf("%s: %q: servers of the version before may be at work", file, found)
		}
	}
}
