package execution

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source/sqlite"
	"github.com/solucao42/caddy-data-api/source"
)

// What a run meets that the source did not say when it was asked is looked into: what callers are told of the columns
// follows, and the catalog has a warning, or a fault.
func TestWhatARunMeetsIsLookedInto(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "x.db")
	db, err := sql.Open("sqlite3", "file:"+filepath.ToSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE t (id INTEGER, name TEXT)")
	root := filepath.Join(dir, "catalog")
	for path, text := range map[string]string{
		"acme/company.yaml": "", "acme/default/x.sql": "/*---\nsource: main\n---*/\nSELECT * FROM t", "acme/default/n.sql": "/*---\nsource: main\n---*/\nSELECT name, 1 AS one FROM t",
	} {
		full := filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	database, err := sqlite.New(sqlite.Config{Path: file, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	queries := NewQueries(Sources{"main": database})
	opened, err := catalog.Open(root, catalog.Options{Logger: slog.New(slog.DiscardHandler), Check: queries.Check})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	queries.Watch(opened.Doubt)
	plan := NewPlan(opened.Current(), queries)
	caller := identity.Principal{Company: &identity.Company{Slug: "acme"}, User: &identity.User{Name: "reader"}}
	run := func(slug string) error {
		t.Helper()
		call, err := plan.Find("acme", "default", slug)
		if err != nil {
			t.Fatal(err)
		}
		bound, err := call.Bind(caller, nil)
		if err != nil {
			t.Fatal(err)
		}
		encoder := result.NewJSON(io.Discard, result.JSONOptions{})
		defer encoder.Close()
		_, err = bound.Run(t.Context(), encoder)
		return err
	}
	soon := func(what string, holds func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: faults %v, warnings %v", what, opened.Diagnostics(), opened.Warnings())
			}
		}
	}
	learned := plan.Learned()
	for range 3 {
		if err := run("x"); err != nil {
			t.Fatal(err)
		}
	}
	if plan.Learned() != learned || len(opened.Warnings()) > 0 {
		t.Errorf("nothing has changed: %v", opened.Warnings())
	}

	exec("ALTER TABLE t ADD COLUMN extra REAL")
	if err := run("x"); err != nil {
		t.Fatal(err)
	}
	soon("a change is a warning", func() bool {
		return len(opened.Warnings()) == 1 && strings.Contains(opened.Warnings()[0].Message, "extra (double) is new")
	})
	call, _ := plan.Find("acme", "default", "x")
	if columns := *call.query.columns.Load(); len(columns) != 3 || plan.Learned() != learned+1 {
		t.Errorf("%+v, %d", columns, plan.Learned()-learned)
	}

	exec("ALTER TABLE t RENAME COLUMN name TO label")
	if err := run("n"); !dataapi.HasCode(err, dataapi.CodeInternal) {
		t.Fatal(err)
	}
	soon("a statement that is refused is a fault", func() bool {
		return len(opened.Diagnostics()) == 1 && strings.Contains(opened.Diagnostics()[0].WithEffect(), "n.sql:4:8: no such column: name; it stays live as it is")
	})
	exec("ALTER TABLE t RENAME COLUMN label TO name")
	if err := run("n"); err != nil {
		t.Fatal(err)
	}
	soon("which goes with the next run that succeeds", func() bool { return len(opened.Diagnostics()) == 0 })
}

type described []source.Column

func (d described) Check(context.Context) ([]source.Column, error)    { return d, nil }
func (described) Run(context.Context, source.Call, source.Sink) error { return nil }
func (described) UsesClaims() bool                                    { return false }

// Comparing what a run has met costs nothing on the way of a request.
func TestMeetingWhatIsKnownDoesNotAllocate(t *testing.T) {
	columns := []source.Column{{Name: "a", Type: source.TypeBigInt}, {Name: "b", Type: source.TypeVarchar}}
	query := &checkedQuery{compiledQuery: &compiledQuery{Query: described(columns), endpoint: new(catalog.Endpoint)}, queries: NewQueries(nil)}
	if _, err := query.describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := append([]source.Column(nil), columns...)
	allocations := testing.AllocsPerRun(100, func() {
		query.meet(columns)
		query.meet(again)
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
