package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/source/sqlite"
	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sqltext"
)

// counting is a database that counts what it is asked, and whose schema has a version.
type counting struct {
	compiled, checked, versions atomic.Int64
	version                     atomic.Int64
	gone                        atomic.Pointer[string] // statements with this word are refused
}

func (c *counting) Compile(statement source.Statement) (source.Query, error) {
	c.compiled.Add(1)
	return &countingQuery{c, statement.SQL}, nil
}

func (c *counting) Close() error { return nil }

func (c *counting) Version(context.Context) (string, error) {
	c.versions.Add(1)
	return fmt.Sprint("version ", c.version.Load()), nil
}

type countingQuery struct {
	*counting
	sql string
}

var oneColumn = []source.Column{{Name: "n", Type: source.TypeInteger}}

func (q *countingQuery) Check(context.Context) ([]source.Column, error) {
	q.checked.Add(1)
	if gone := q.gone.Load(); gone != nil && strings.Contains(q.sql, *gone) {
		return nil, &source.StatementError{Offset: -1, Message: "there is no " + *gone}
	}
	return oneColumn, nil
}

func (q *countingQuery) Run(_ context.Context, _ source.Call, sink source.Sink) error {
	if err := sink.Columns(oneColumn); err != nil {
		return err
	}
	return sink.Row([]source.Value{{Kind: source.KindInt, Int: 1}})
}

func (q *countingQuery) UsesClaims() bool { return false }

// countingServer serves so many endpoints of a counting database.
func countingServer(t *testing.T, database *counting, endpoints int) *servertest.Server {
	t.Helper()
	files := make(map[string]string, endpoints)
	for i := range endpoints {
		files[fmt.Sprintf("acme/default/e%d.sql", i)] = fmt.Sprintf(`/*---
title: Report %d
description: What an author says of it, in a line or two.
source: counted
params:
  from: { type: date, description: "The first day." }
  region: { type: string, enum: [north, south], default: north }
columns:
  n: { type: integer, description: "How many." }
---*/
SELECT count(*) AS n FROM table_%d WHERE sold_on >= @from AND region = @region
`, i, i)
	}
	return servertest.New(t, servertest.Config{
		Files: files, Sources: map[string]*servertest.Source{"counted": server.NewSource(database, sqltext.Rules{})},
	})
}

// TestReloadAsksNothingAgain: a reload with nothing changed compiles and checks nothing, and asks for the schema's version at most a
// few times. With another version everything is checked again, and what is refused is left out.
func TestReloadAsksNothingAgain(t *testing.T) {
	t.Parallel()
	database, endpoints := new(counting), 50
	s := countingServer(t, database, endpoints)
	token := s.Login("acme", "integration").Access
	s.Execute("e7", token, `{}`).Want(http.StatusOK)
	first := s.Configuration().Catalog().Current()
	for range 3 {
		compiled, checked, versions := database.compiled.Load(), database.checked.Load(), database.versions.Load()
		s.Reload()
		compiled, checked, versions = database.compiled.Load()-compiled, database.checked.Load()-checked, database.versions.Load()-versions
		if compiled > 0 || checked > 0 || versions == 0 || versions > 2 {
			t.Errorf("a reload has compiled %d statements, checked %d, and asked for the version %d times", compiled, checked, versions)
		}
		if s.Configuration().Catalog().Current() != first {
			t.Error("it serves another snapshot")
		}
		s.Execute("e7", token, `{}`).Want(http.StatusOK)
	}

	gone, checked := "table_7 ", database.checked.Load()
	database.gone.Store(&gone)
	database.version.Add(1)
	s.Reload()
	if asked := database.checked.Load() - checked; asked != int64(endpoints) {
		t.Errorf("under another schema %d of %d statements were checked", asked, endpoints)
	}
	s.Execute("e7", token, `{}`).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	s.Execute("e8", token, `{}`).Want(http.StatusOK)
	if faults := s.Configuration().Catalog().Diagnostics(); len(faults) != 1 || !strings.Contains(faults[0].Message, "there is no table_7") {
		t.Errorf("the faults are %v", faults)
	}
}

// watched is an SQLite file that counts what it is asked.
type watched struct {
	*sqlite.Source
	checked, versions atomic.Int64
}

func (w *watched) Compile(statement source.Statement) (source.Query, error) {
	query, err := w.Source.Compile(statement)
	return &watchedQuery{query, w}, err
}

func (w *watched) Version(ctx context.Context) (string, error) {
	w.versions.Add(1)
	return w.Source.Version(ctx)
}

type watchedQuery struct {
	source.Query
	of *watched
}

func (q *watchedQuery) Check(ctx context.Context) ([]source.Column, error) {
	q.of.checked.Add(1)
	return q.Query.Check(ctx)
}

// TestReloadAsksSQLiteForItsVersion: and for nothing else, until a table has changed or another file has taken the place of this one.
func TestReloadAsksSQLiteForItsVersion(t *testing.T) {
	t.Parallel()
	const tables = "CREATE TABLE a (n INTEGER); CREATE TABLE b (n INTEGER)"
	dir := t.TempDir()
	path := filepath.Join(dir, "source.db")
	servertest.SQLite(t, dir, tables)
	opened, err := sqlite.New(sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	database := &watched{Source: opened}
	files := make(map[string]string)
	for _, table := range []string{"a", "b"} {
		files["acme/default/"+table+".sql"] = "/*---\nsource: file\n---*/\nSELECT n FROM " + table
	}
	s := servertest.New(t, servertest.Config{
		Files: files, Sources: map[string]*servertest.Source{"file": server.NewSource(database, sqlite.Dialect)},
	})
	token := s.Login("acme", "integration").Access
	reload := func(what string, wantChecked int64, wantA int) {
		t.Helper()
		checked, versions := database.checked.Load(), database.versions.Load()
		s.Reload()
		checked, versions = database.checked.Load()-checked, database.versions.Load()-versions
		if checked != wantChecked || versions == 0 || versions > 2 {
			t.Errorf("%s: a reload has checked %d statements, want %d, and asked for the version %d times", what, checked, wantChecked, versions)
		}
		s.Execute("a", token, `{}`).Want(wantA)
		s.Execute("b", token, `{}`).Want(http.StatusOK)
	}
	replace := func() {
		t.Helper()
		made := t.TempDir()
		servertest.SQLite(t, made, tables)
		if err := os.Rename(filepath.Join(made, "source.db"), path); err != nil {
			t.Fatal(err)
		}
	}

	reload("nothing has changed", 0, http.StatusOK)
	servertest.SQLite(t, dir, "INSERT INTO a VALUES (1)")
	reload("there is a row more", 0, http.StatusOK)
	servertest.SQLite(t, dir, "ALTER TABLE a RENAME COLUMN n TO m")
	reload("a table has changed", 2, http.StatusNotFound)
	replace()
	reload("another file", 2, http.StatusOK)
	replace()
	reload("another file with the same tables", 0, http.StatusOK)
}

// TestAStartRemembersWhatWasAccepted: the next process asks for the version alone, and all again where that is another one or a
// program of another version has written the file.
func TestAStartRemembersWhatWasAccepted(t *testing.T) {
	t.Parallel()
	path, log := filepath.Join(t.TempDir(), "accepted", "counted.json"), new(servertest.Log)
	start := func(version int64) *counting {
		database := new(counting)
		database.version.Store(version)
		opened := server.NewSource(database, sqltext.Rules{})
		opened.RememberIn(path, slog.New(slog.NewTextHandler(log, nil)))
		s := servertest.New(t, servertest.Config{
			Files:   map[string]string{"acme/default/a.sql": "/*---\nsource: counted\n---*/\nSELECT 1 AS n", "acme/default/b.sql": "/*---\nsource: counted\n---*/\nSELECT 2 AS n"},
			Sources: map[string]*servertest.Source{"counted": opened},
		})
		token := s.Login("acme", "integration").Access
		s.Execute("a", token, `{}`).Want(http.StatusOK)
		s.Execute("b", token, `{}`).Want(http.StatusOK)
		if err := opened.Close(); err != nil {
			t.Fatal(err)
		}
		return database
	}
	if first := start(1); first.checked.Load() != 2 {
		t.Errorf("the first start has checked %d statements", first.checked.Load())
	}
	if second := start(1); second.checked.Load() != 0 {
		t.Errorf("the second start has checked %d statements", second.checked.Load())
	}
	if third := start(2); third.checked.Load() != 2 {
		t.Errorf("under another schema %d statements were checked", third.checked.Load())
	}
	if text := log.String(); text != "" {
		t.Errorf("it has warned: %s", text)
	}
}

// TestWhatCannotBeWrittenIsWrittenLater: a disk that was full, or a directory that could not be made, costs the next start nothing once
// that is over.
func TestWhatCannotBeWrittenIsWrittenLater(t *testing.T) {
	t.Parallel()
	blocked, log := filepath.Join(t.TempDir(), "accepted"), new(servertest.Log)
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(blocked, "counted.json")
	opened := server.NewSource(new(counting), sqltext.Rules{})
	opened.RememberIn(path, slog.New(slog.NewTextHandler(log, nil)))
	servertest.New(t, servertest.Config{
		Files:   map[string]string{"acme/default/a.sql": "/*---\nsource: counted\n---*/\nSELECT 1 AS n"},
		Sources: map[string]*servertest.Source{"counted": opened},
	})
	servertest.Eventually(t, "a write of what is accepted fails", servertest.Patience, func() bool {
		return strings.Contains(log.String(), "cannot be written down")
	})
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "version 0") {
		t.Errorf("when it could be written it was not: %q, %v", text, err)
	}
}

// TestReloadsKeepNothing: after twenty reloads the process holds what it held after two, and an endpoint takes a few kilobytes.
func TestReloadsKeepNothing(t *testing.T) { //nolint:paralleltest // it looks at the heap of the process
	live := func() float64 {
		var stats runtime.MemStats
		for range 3 { // what has a finaliser goes later
			runtime.GC()
		}
		runtime.ReadMemStats(&stats)
		return float64(stats.HeapAlloc)
	}
	const endpoints = 2000
	nothing := live()
	countingServer(t, new(counting), 1)
	before := live()
	alone := before - nothing // what a server takes by itself
	s := countingServer(t, new(counting), endpoints)
	started := live()
	if each := (started - before - alone) / endpoints; each > 6000 {
		t.Errorf("an endpoint keeps %.0f bytes", each)
	}
	s.Reload()
	s.Reload()
	two := live()
	for range 18 {
		s.Reload()
	}
	// What a configuration has begun ends a moment after it, and keeps it until then.
	twenty := live()
	for deadline := time.Now().Add(servertest.Patience); twenty-before > 1.15*(two-before) && time.Now().Before(deadline); twenty = live() {
		time.Sleep(20 * time.Millisecond)
	}
	if twenty-before > 1.15*(two-before) {
		t.Errorf("after a start %.0f kB are live, after two reloads %.0f, after twenty %.0f", (started-before)/1e3, (two-before)/1e3, (twenty-before)/1e3)
	}
}
