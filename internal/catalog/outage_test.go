package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

func TestCheckDecidesWhatGoesLive(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
	root := build(t, small)
	var logged bytes.Buffer
	var down atomic.Bool
	var asked atomic.Int64
	c, err := catalog.Open(root, catalog.Options{
		Dialects: dialects,
		Logger:   slog.New(slog.NewTextHandler(&logged, nil)), Debounce: 10 * time.Millisecond, Rescan: time.Hour, Retry: 5 * time.Millisecond,
		Check: checkFunc(func(context.Context, *catalog.Endpoint) error {
			asked.Add(1)
			if down.Load() {
				return dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("nobody listens"))
			}
			return nil
		}).columns(),
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
		`a source cannot be asked about its statements; it is asked again until it answers`, `source=demo unchecked_endpoints=0 error="nobody listens"`,
		`a changed file waits for its source`, `a source can be asked about its statements again`,
	} {
		if strings.Count(logged.String(), line) != 1 {
			t.Errorf("%s is not in there exactly once:\n%s", line, &logged)
		}
	}
}

// Sources that are not asked yet are neither news nor a reason for haste.
func TestSourcesThatAreNotAskedYet(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	c, err := catalog.Open(build(t, small), catalog.Options{
		Dialects: dialects,
		Logger:   slog.New(slog.DiscardHandler), Retry: time.Millisecond,
		Check: checkFunc(func(context.Context, *catalog.Endpoint) error {
			asked.Add(1)
			return catalog.ErrNotYet
		}).columns(),
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
	t.Parallel()
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
	want := `a.sql:3:1: unknown key "titel"; did you mean title? Allowed are title, description, source, mode, on_timeout, active, params, limits, rate, columns, chart, deprecated, sunset, share
a.sql:4:10: ` + nobody + `
a.sql:6:8: no such column
b.sql:3:10: ` + nobody + `
b.sql:5:8: no such column`
	if got := strings.ReplaceAll(err.Error(), filepath.Join(root, "acme/default")+string(filepath.Separator), ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestADeadSourceIsAskedOnce(t *testing.T) {
	t.Parallel()
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
