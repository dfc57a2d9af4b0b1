package catalog_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/paralleltest"
	"github.com/solucao42/caddy-data-api/source"
)

func TestMain(m *testing.M) {
	paralleltest.AtOnce(8) // they wait for what a watcher does in its own time
	goleak.VerifyTestMain(m)
}

// checkFunc is a check that knows no columns.
type checkFunc func(context.Context, *catalog.Endpoint) error

func (check checkFunc) columns() catalog.CheckFunc {
	if check == nil {
		return nil
	}
	return func(ctx context.Context, endpoint *catalog.Endpoint) ([]source.Column, error) {
		return nil, check(ctx, endpoint)
	}
}

func open(t *testing.T, root string, check checkFunc) *catalog.Catalog {
	t.Helper()
	opened, err := catalog.Open(root, catalog.Options{
		Dialects: dialects,
		Logger:   slog.New(slog.DiscardHandler), Check: check.columns(), Debounce: 10 * time.Millisecond, Rescan: time.Hour, Retry: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// eventually waits for what a watcher does in its own time.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("it did not come to this: %s", what)
}

func title(c *catalog.Catalog, slug string) string {
	endpoint, _, ok := c.Current().Find("acme", "default", slug)
	if !ok {
		return "-"
	}
	return endpoint.Title
}

// titled is an endpoint; each title has a statement of its own.
func titled(title string) string {
	return "/*---\nsource: demo\ntitle: " + title + "\n---*/\nSELECT 1 AS n -- " + title + "\n"
}

var small = files{
	"acme/company.yaml": "", "globex/company.yaml": "",
	"acme/default/a.sql": titled("one"), "acme/default/b.sql": titled("one"),
}

func TestHotReload(t *testing.T) {
	t.Parallel()
	root := build(t, small)
	c := open(t, root, nil)
	var told atomic.Pointer[catalog.Snapshot]
	c.OnChange(func(snapshot *catalog.Snapshot) { told.Store(snapshot) })
	if told.Load() != c.Current() {
		t.Fatal("a listener is told the current snapshot at once")
	}
	untouched, _, _ := c.Current().Find("acme", "default", "b")

	write(t, root, "acme/default/a.sql", titled("two"))
	eventually(t, "a written file is live", func() bool { return title(c, "a") == "two" })
	eventually(t, "the listener knows it", func() bool { return told.Load() == c.Current() })
	if same, _, _ := c.Current().Find("acme", "default", "b"); same != untouched {
		t.Error("an endpoint whose file did not change is another one")
	}

	write(t, root, "acme/default/.a.sql.new", titled("three"))
	if err := os.Rename(filepath.Join(root, "acme/default/.a.sql.new"), filepath.Join(root, "acme/default/a.sql")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a file that an editor saved by renaming is live", func() bool { return title(c, "a") == "three" })

	write(t, root, "acme/fresh/deep.sql", titled("deep"))
	eventually(t, "a file in a new namespace is live", func() bool {
		_, _, ok := c.Current().Find("acme", "fresh", "deep")
		return ok
	})
	write(t, root, "acme/fresh/deep.sql", titled("deeper"))
	eventually(t, "a new namespace is watched", func() bool {
		endpoint, _, ok := c.Current().Find("acme", "fresh", "deep")
		return ok && endpoint.Title == "deeper"
	})

	if err := os.Remove(filepath.Join(root, "acme/default/a.sql")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a deleted endpoint is gone", func() bool { return title(c, "a") == "-" })

	if err := os.Rename(filepath.Join(root, "acme/default"), filepath.Join(root, "acme/.parked")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a namespace that was moved away is gone", func() bool { return title(c, "b") == "-" })
	if err := os.Rename(filepath.Join(root, "acme/.parked"), filepath.Join(root, "acme/default")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "and is back", func() bool { return title(c, "b") == "one" })
	write(t, root, "acme/default/b.sql", titled("two"))
	eventually(t, "and is watched", func() bool { return title(c, "b") == "two" })
	if len(c.Diagnostics()) > 0 {
		t.Error(c.Diagnostics())
	}
}

func TestFaultsKeepTheLastGoodRevision(t *testing.T) {
	root := build(t, small)
	c := open(t, root, nil)

	write(t, root, "acme/default/a.sql", "/*---\nsource: demo\ntitel: two\n---*/\nSELECT 1 AS n\n")
	write(t, root, "acme/default/b.sql", titled("two"))
	write(t, root, "acme/default/new.sql", "SELECT 1")
	write(t, root, "globex/company.yaml", "users: 5")
	eventually(t, "what is sound is live", func() bool { return title(c, "b") == "two" })
	eventually(t, "every fault is listed", func() bool { return len(c.Diagnostics()) == 3 })
	if title(c, "a") != "one" || title(c, "new") != "-" {
		t.Errorf("a is %s, new is %s", title(c, "a"), title(c, "new"))
	}
	if _, ok := c.Current().Company("globex"); !ok {
		t.Error("a company whose file is at fault is gone")
	}
	if got := c.Diagnostics()[0].String(); got != filepath.Join(root, "acme/default/a.sql")+`:3:1: unknown key "titel"; did you mean title? Allowed are title, description, source, mode, on_timeout, active, params, limits, rate, columns, chart, deprecated, sunset, share` {
		t.Error(got)
	}

	write(t, root, "acme/default/a.sql", titled("three"))
	write(t, root, "acme/default/new.sql", titled("new"))
	write(t, root, "globex/company.yaml", "")
	eventually(t, "all is sound again", func() bool {
		return len(c.Diagnostics()) == 0 && title(c, "a") == "three" && title(c, "new") == "new"
	})
}

func TestFaultsBetweenFilesTakeBackOnlyWhatChanged(t *testing.T) {
	sharing := func(title, companies string) string {
		return "/*---\nsource: demo\ntitle: " + title + "\nshare: " + companies + "\n---*/\nSELECT 1 AS n\n"
	}
	root := build(t, small.with(files{"acme/default/a.sql": sharing("one", "{globex: {}}"), "initech/company.yaml": ""}))
	c := open(t, root, nil)

	write(t, root, "initech/default/a.sql", sharing("rival", "{globex: {}}"))
	write(t, root, "acme/default/b.sql", sharing("two", "{nobody: {}}"))
	if err := c.Reload(); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Fatal(err)
	}
	if _, _, ok := c.Current().Find("initech", "default", "a"); ok {
		t.Error("a new endpoint that is at fault is live")
	}
	if endpoint, _, ok := c.Current().Find("globex", "default", "a"); !ok || endpoint.Company != "acme" {
		t.Error("a share that was sound is lost")
	}
	if title(c, "b") != "one" {
		t.Error("the changed endpoint at fault is live")
	}

	// What an unchanged file refers to is deleted: the file has a fault now, and stays live.
	if err := os.RemoveAll(filepath.Join(root, "globex")); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil {
		t.Fatal("no fault")
	}
	if title(c, "a") != "one" {
		t.Error("an unchanged endpoint is gone")
	}
	if _, _, ok := c.Current().Find("globex", "default", "a"); ok {
		t.Error("a deleted company finds an endpoint")
	}
}

func TestARootThatIsALinkCanBeTurned(t *testing.T) {
	t.Parallel()
	blue, green := build(t, small), build(t, small.with(files{"acme/default/a.sql": titled("green")}))
	root := filepath.Join(t.TempDir(), "current")
	if err := os.Symlink(blue, root); err != nil {
		t.Fatal(err)
	}
	c := open(t, root, nil)
	if err := os.Symlink(green, root+".next"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(root+".next", root); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the link's new target is live", func() bool { return title(c, "a") == "green" })
	write(t, green, "acme/default/a.sql", titled("greener"))
	eventually(t, "and is watched", func() bool { return title(c, "a") == "greener" })
}

func TestAFileThatCannotBeReadStaysLive(t *testing.T) {
	t.Parallel()
	root := build(t, small)
	c := open(t, root, nil)
	// A directory in a file's place cannot be read as one, not even by root.
	path := filepath.Join(root, "acme/default/a.sql")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, path); err != nil { // a link to itself
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil {
		t.Fatal("no fault")
	}
	if title(c, "a") != "one" {
		t.Error("the last good revision is gone")
	}
}

func TestOpenRefusesACatalogWithFaultsWhenItIsStrict(t *testing.T) {
	_, err := catalog.Open(build(t, small.with(files{"acme/default/a.sql": ""})), catalog.Options{Dialects: dialects, Strict: true})
	if faults, ok := errors.AsType[catalog.Diagnostics](err); !ok || len(faults) != 1 {
		t.Error(err)
	}
}

func TestWarnings(t *testing.T) {
	param := func(kind string) string {
		return "/*---\nsource: demo\nparams: { ano: { type: " + kind + " } }\n---*/\nSELECT @ano AS n\n"
	}
	root := build(t, files{
		"acme/company.yaml": "users: { erp: { share_context: { ano: 2026 } } }", "acme/default/a.sql": param("integer"),
		"acme/default/b.sql": param("string"), "acme/default/notes.json": "{}",
	})
	c := open(t, root, nil)
	want := `acme/company.yaml:1:39: users.erp.share_context: ano must be a string; got 2026; put quotes around it; endpoint acme/default/b does not take this value from the user
acme/default/notes.json:1:1: is ignored; the catalog reads <company>/company.yaml and <company>/<namespace>/<slug>.sql; what is to be said of an endpoint belongs in its own file, between the lines /*--- and ---*/`
	if got := strings.ReplaceAll(c.Warnings().Error(), root+string(filepath.Separator), ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Readers and writers at once: every snapshot is whole, and Close waits for a reading under way.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	root := build(t, small)
	c := open(t, root, func(context.Context, *catalog.Endpoint) error { return nil })
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if title(c, "b") != "one" {
						t.Error("an untouched endpoint is missing")
						return
					}
				}
			}
		})
	}
	group.Go(func() {
		for range 50 {
			_ = c.Reload()
		}
	})
	for range 50 {
		write(t, root, "acme/default/a.sql", titled("two"))
		time.Sleep(2 * time.Millisecond)
	}
	eventually(t, "the last revision is live", func() bool { return title(c, "a") == "two" })
	close(stop)
	group.Wait()
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(t, root, "acme/default/a.sql", titled("three"))
	if err := c.Reload(); err != nil || title(c, "a") != "two" {
		t.Error("a closed catalog follows its files")
	}
}

func BenchmarkFind(b *testing.B) {
	snapshot, err := catalog.Load(build(b, sound), dialects...)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := snapshot.Find("globex", "default", "vendas-por-regiao"); !ok {
			b.Fatal("not found")
		}
	}
}
