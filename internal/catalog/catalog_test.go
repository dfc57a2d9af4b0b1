package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, root string, check catalog.CheckFunc) *catalog.Catalog {
	t.Helper()
	opened, err := catalog.Open(root, catalog.Options{
		Logger: slog.New(slog.DiscardHandler), Check: check, Debounce: 10 * time.Millisecond, Rescan: time.Hour, Retry: time.Hour,
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
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
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
	if len(c.Faults()) > 0 {
		t.Error(c.Faults())
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
	eventually(t, "every fault is listed", func() bool { return len(c.Faults()) == 3 })
	if title(c, "a") != "one" || title(c, "new") != "-" {
		t.Errorf("a is %s, new is %s", title(c, "a"), title(c, "new"))
	}
	if _, ok := c.Current().Company("globex"); !ok {
		t.Error("a company whose file is at fault is gone")
	}
	if got := c.Faults()[0].String(); got != filepath.Join(root, "acme/default/a.sql")+`:3:1: unknown key "titel"; did you mean title? Allowed are title, description, source, mode, on_timeout, active, params, limits, columns, share` {
		t.Error(got)
	}

	write(t, root, "acme/default/a.sql", titled("three"))
	write(t, root, "acme/default/new.sql", titled("new"))
	write(t, root, "globex/company.yaml", "")
	eventually(t, "all is sound again", func() bool {
		return len(c.Faults()) == 0 && title(c, "a") == "three" && title(c, "new") == "new"
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

func TestWhatIsDeletedGrantsNothing(t *testing.T) {
	root := build(t, small)
	c := open(t, root, nil)

	if err := os.Remove(filepath.Join(root, "acme/company.yaml")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a company without its file is gone, and so are its endpoints", func() bool {
		_, ok := c.Current().Company("acme")
		return !ok && title(c, "a") == "-" && len(c.Faults()) == 1
	})

	write(t, root, "acme/company.yaml", "")
	eventually(t, "a company that is back is live", func() bool { return title(c, "a") == "one" && len(c.Faults()) == 0 })
}

// A mount that failed and a checkout under way must not take everything down.
func TestARootThatIsGoneOrEmptyKeepsEverything(t *testing.T) {
	root := build(t, small)
	c := open(t, root, nil)
	moved := root + ".moved"
	if err := os.Rename(root, moved); err != nil {
		t.Fatal(err)
	}
	kept := func(fault string) func() bool {
		return func() bool {
			faults := c.Faults()
			return title(c, "a") == "one" && len(c.Current().Companies()) == 2 && len(faults) == 1 &&
				faults[0].WithEffect() == root+":1:1: "+fault+"; the last good catalog stays live"
		}
	}
	eventually(t, "a catalog that is gone stays live", kept("does not exist; it must be a directory with one directory for each company"))
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an empty one too", kept("is empty, and had 2 companies before; to withdraw a company, set active: false in its company.yaml"))
	if err := os.Remove(root); err != nil {
		t.Fatal(err)
	}
	write(t, moved, "acme/default/b.sql", titled("two"))
	if err := os.Rename(moved, root); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a catalog that is back is live", func() bool { return title(c, "b") == "two" && len(c.Faults()) == 0 })
	write(t, root, "acme/default/a.sql", titled("two"))
	eventually(t, "and is watched", func() bool { return title(c, "a") == "two" })
}

// The catalog may have been named relative to the working directory, be it that directory itself.
func TestAnEmptyWorkingDirectoryKeepsEverything(t *testing.T) {
	root := build(t, small)
	t.Chdir(root)
	c := open(t, ".", nil)
	for _, company := range []string{"acme", "globex"} {
		if err := os.RemoveAll(company); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Reload(); err == nil || title(c, "a") != "one" || len(c.Current().Companies()) != 2 {
		t.Errorf("%v, a is %s", err, title(c, "a"))
	}
}

// What happens to what a fault is about is said with the fault, and the log says what a deletion took away.
func TestEffectsAndWithdrawalsAreTold(t *testing.T) {
	root := build(t, small.with(files{"globex/company.yaml": "users: { erp: {}, bi: {} }", "globex/default/g.sql": titled("g")}))
	var logged bytes.Buffer
	c, err := catalog.Open(root, catalog.Options{
		Logger: slog.New(slog.NewTextHandler(&logged, nil)), Debounce: time.Hour, Rescan: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	write(t, root, "acme/company.yaml", "users: 5")
	write(t, root, "acme/default/a.sql", "x")
	write(t, root, "acme/default/c.sql", "x")
	write(t, root, "initech/company.yaml", "users: 5")
	if err := os.Remove(filepath.Join(root, "globex/company.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil {
		t.Fatal("no fault")
	}
	var got []string
	for _, fault := range c.Faults() {
		got = append(got, strings.TrimPrefix(fault.File, root+string(filepath.Separator))+": "+fault.Effect)
	}
	want := []string{
		"acme/company.yaml: the last good revision stays live", "acme/default/a.sql: the last good revision stays live",
		"acme/default/c.sql: the endpoint is not published",
		"globex/company.yaml: the company and its endpoints are not published",
		"initech/company.yaml: the company and its endpoints are not published",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, line := range []string{
		`level=WARN msg="a company is withdrawn, since its company.yaml is gone: its users and endpoints are refused" company=globex endpoints=1 users=2`,
		`effect="the endpoint is not published"`,
	} {
		if !strings.Contains(logged.String(), line) {
			t.Errorf("%s is not in\n%s", line, &logged)
		}
	}
}

func TestARootThatIsALinkCanBeTurned(t *testing.T) {
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
	root := build(t, small)
	c := open(t, root, nil)
	// A directory in a file's place cannot be read as one, whoever runs this test.
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

func TestCheckDecidesWhatGoesLive(t *testing.T) {
	var down atomic.Bool
	var asked atomic.Int64
	check := func(_ context.Context, endpoint *catalog.Endpoint) error {
		asked.Add(1)
		switch {
		case down.Load():
			return dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("refused"))
		case strings.Contains(endpoint.Title, "broken"):
			return &source.StatementError{Offset: len("SELECT "), Message: "no such column"}
		case strings.Contains(endpoint.Title, "elsewhere"):
			return errors.New(`source "demo" is not configured`)
		}
		return nil
	}
	root := build(t, small)
	c := open(t, root, check)
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}

	write(t, root, "acme/default/a.sql", titled("broken"))
	write(t, root, "acme/default/b.sql", titled("elsewhere"))
	err := c.Reload()
	want := filepath.Join(root, "acme/default/a.sql") + ":5:8: no such column\n" +
		filepath.Join(root, "acme/default/b.sql") + `:2:9: source "demo" is not configured`
	if err == nil || err.Error() != want {
		t.Fatalf("got  %v\nwant %s", err, want)
	}
	if title(c, "a") != "one" || title(c, "b") != "one" {
		t.Error("the last good revisions are gone")
	}

	// While the source is down a checked revision stays, and a new endpoint is taken unchecked.
	down.Store(true)
	write(t, root, "acme/default/c.sql", titled("broken"))
	write(t, root, "acme/default/d.sql", titled("fine"))
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	if title(c, "a") != "one" || title(c, "b") != "one" || title(c, "c") != "broken" || title(c, "d") != "fine" {
		t.Errorf("a is %s, b is %s, c is %s, d is %s", title(c, "a"), title(c, "b"), title(c, "c"), title(c, "d"))
	}
	const unchecked = ":2:9: source demo cannot be asked about the statement, so it is unchecked; "
	for i, want := range []string{
		"a.sql" + unchecked + "the last good revision stays live until the source can be asked",
		"b.sql" + unchecked + "the last good revision stays live until the source can be asked",
		"c.sql" + unchecked + "the endpoint is published, and its statement is checked before it first runs",
		"d.sql" + unchecked + "the endpoint is published, and its statement is checked before it first runs",
	} {
		if got := c.Warnings()[i].WithEffect(); got != filepath.Join(root, "acme/default", want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}

	// When the source is back, what it refuses goes, and never in place of what was good.
	write(t, root, "acme/default/b.sql", titled("fine"))
	down.Store(false)
	if err := c.Reload(); err == nil || strings.Count(err.Error(), "no such column") != 2 {
		t.Fatal(err)
	}
	if title(c, "a") != "one" || title(c, "b") != "fine" || title(c, "c") != "-" || title(c, "d") != "fine" || len(c.Warnings()) > 0 {
		t.Errorf("a is %s, b is %s, c is %s, d is %s", title(c, "a"), title(c, "b"), title(c, "c"), title(c, "d"))
	}
	write(t, root, "acme/default/a.sql", titled("fine"))
	write(t, root, "acme/default/c.sql", titled("fine"))
	if err := c.Reload(); err != nil || title(c, "a") != "fine" || title(c, "c") != "fine" {
		t.Errorf("%v, a is %s, c is %s", err, title(c, "a"), title(c, "c"))
	}
	before := asked.Load()
	if err := c.Reload(); err != nil || asked.Load() != before {
		t.Errorf("%v; checked endpoints are checked again", err)
	}
}

// What a source that is down could not judge anyway takes effect at once: above all, that something is taken away.
func TestWhatNeedsNoCheckTakesEffectWhileTheSourceIsDown(t *testing.T) {
	sharing := func(header, statement string) string {
		return "/*---\nsource: demo\n" + header + "---*/\n" + statement
	}
	root := build(t, small.with(files{"acme/default/a.sql": sharing("share: { globex: {} }\n", "SELECT 1 AS n")}))
	var down atomic.Bool
	c := open(t, root, func(context.Context, *catalog.Endpoint) error {
		if down.Load() {
			return dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("refused"))
		}
		return nil
	})
	down.Store(true)
	write(t, root, "acme/default/a.sql", sharing("", "SELECT 1 AS n"))
	write(t, root, "acme/default/b.sql", sharing("active: false\n", "SELECT 2 AS n"))
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := c.Current().Find("globex", "default", "a"); ok {
		t.Error("a share that was taken back is live")
	}
	if title(c, "b") != "-" {
		t.Error("an endpoint that was switched off is live")
	}
	write(t, root, "acme/default/a.sql", sharing("", "SELECT 2 AS n"))
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	if endpoint, _, ok := c.Current().Find("acme", "default", "a"); !ok || endpoint.Statement.SQL != "SELECT 1 AS n" {
		t.Error("the checked statement is gone")
	}
}

// A source that comes back is asked soon, with no change of a file and no rescan.
func TestASourceThatIsBackIsAskedSoon(t *testing.T) {
	root := build(t, small)
	var logged bytes.Buffer
	var down atomic.Bool
	var asked atomic.Int64
	c, err := catalog.Open(root, catalog.Options{
		Logger: slog.New(slog.NewTextHandler(&logged, nil)), Debounce: 10 * time.Millisecond, Rescan: time.Hour, Retry: 5 * time.Millisecond,
		Check: func(context.Context, *catalog.Endpoint) error {
			asked.Add(1)
			if down.Load() {
				return dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("nobody listens"))
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	down.Store(true)
	// A title alone needs no check; a statement does.
	write(t, root, "acme/default/a.sql", strings.Replace(titled("one"), "title: one", "title: two", 1))
	write(t, root, "acme/default/b.sql", titled("two"))
	eventually(t, "the edit waits", func() bool { return title(c, "a") == "two" && len(c.Warnings()) == 1 })
	before := asked.Load()
	eventually(t, "the source is asked again and again", func() bool { return asked.Load() > before+2 })
	if title(c, "b") != "one" {
		t.Error("an unchecked edit replaced a checked revision")
	}
	down.Store(false)
	eventually(t, "the edit is live", func() bool { return title(c, "b") == "two" && len(c.Warnings()) == 0 })
	settled := asked.Load()
	time.Sleep(100 * time.Millisecond)
	if asked.Load() != settled {
		t.Error("checked endpoints are asked about again")
	}
	if err := c.Close(); err != nil { // so that nothing logs any more
		t.Fatal(err)
	}
	for _, line := range []string{
		`a source cannot be asked about its statements; it is asked again until it answers`, `source=demo unchecked_endpoints=0 error="SOURCE_UNAVAILABLE: nobody listens"`,
		`a changed file waits for its source`, `a source can be asked about its statements again`,
	} {
		if strings.Count(logged.String(), line) != 1 {
			t.Errorf("%s stands not once in\n%s", line, &logged)
		}
	}
}

// Sources that are not asked yet are neither news nor a reason for haste.
func TestSourcesThatAreNotAskedYet(t *testing.T) {
	var asked atomic.Int64
	c, err := catalog.Open(build(t, small), catalog.Options{
		Logger: slog.New(slog.DiscardHandler), Retry: time.Millisecond,
		Check: func(context.Context, *catalog.Endpoint) error {
			asked.Add(1)
			return catalog.ErrNotYet
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := asked.Load()
	time.Sleep(50 * time.Millisecond)
	if asked.Load() != before || len(c.Warnings()) > 0 || title(c, "a") != "one" {
		t.Errorf("asked %d times more; %v", asked.Load()-before, c.Warnings())
	}
}

// Faults of every kind are told at once, also of one file.
func TestNoFaultHidesAnother(t *testing.T) {
	root := build(t, small)
	c := open(t, root, func(_ context.Context, endpoint *catalog.Endpoint) error {
		if endpoint.Statement.SQL == "SELECT wrong" {
			return &source.StatementError{Offset: len("SELECT "), Message: "no such column"}
		}
		return nil
	})
	write(t, root, "acme/default/a.sql", "/*---\nsource: demo\ntitel: x\nshare: { nobody: {} }\n---*/\nSELECT wrong\n")
	write(t, root, "acme/default/b.sql", "/*---\nsource: demo\nshare: { nobody: {} }\n---*/\nSELECT wrong\n")
	err := c.Reload()
	const nobody = "share.nobody: there is no such company; the catalog has acme, globex"
	want := `a.sql:3:1: unknown key "titel"; did you mean title? Allowed are title, description, source, mode, on_timeout, active, params, limits, columns, share
a.sql:4:10: ` + nobody + `
a.sql:6:8: no such column
b.sql:3:10: ` + nobody + `
b.sql:5:8: no such column`
	if got := strings.ReplaceAll(err.Error(), filepath.Join(root, "acme/default")+string(filepath.Separator), ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestADeadSourceIsAskedOnce(t *testing.T) {
	tree := files{"acme/company.yaml": ""}
	for _, name := range "abcdefghijklmnopqrst" {
		tree["acme/default/"+string(name)+".sql"] = titled("one")
	}
	var asked atomic.Int64
	c := open(t, build(t, tree), func(context.Context, *catalog.Endpoint) error {
		asked.Add(1)
		time.Sleep(10 * time.Millisecond)
		return dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("refused"))
	})
	if asked.Load() > 4 { // as many as are asked at once
		t.Errorf("asked %d times", asked.Load())
	}
	if len(c.Current().Endpoints()) != 20 {
		t.Error("unchecked endpoints are not live")
	}
}

func TestOpenRefusesACatalogWithFaults(t *testing.T) {
	_, err := catalog.Open(build(t, small.with(files{"acme/default/a.sql": ""})), catalog.Options{})
	if faults, ok := errors.AsType[catalog.Faults](err); !ok || len(faults) != 1 {
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
	want := `acme/company.yaml:1:39: users.erp.share_context: ano must be a string; got 2026; endpoint acme/default/b does not take this value from the user
acme/default/notes.json:1:1: is ignored; the catalog reads <company>/company.yaml and <company>/<namespace>/<slug>.sql`
	if got := strings.ReplaceAll(c.Warnings().Error(), root+string(filepath.Separator), ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Readers and writers at once: every snapshot is whole, and Close waits for a reading under way.
func TestConcurrentUse(t *testing.T) {
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
	snapshot, err := catalog.Load(build(b, sound))
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
