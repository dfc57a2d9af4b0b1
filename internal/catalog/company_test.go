package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// below writes faults with their effects and with paths below the root.
func below(root string, faults catalog.Diagnostics) string {
	var lines []string
	for _, fault := range faults {
		lines = append(lines, strings.TrimPrefix(fault.WithEffect(), root+string(filepath.Separator)))
	}
	return strings.Join(lines, "\n")
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

func finds(c *catalog.Catalog, company, slug string) bool {
	_, _, ok := c.Current().Find(company, "default", slug)
	return ok
}

// At the start what is at fault is left out, and everything else is served.
func TestOpenLeavesOutWhatIsAtFault(t *testing.T) {
	t.Parallel()
	sharing := func(with string) string { return "/*---\nsource: demo\nshare: { " + with + " }\n---*/\nSELECT 1 AS n" }
	root := build(t, files{
		"acme/company.yaml": "", "acme/default/good.sql": titled("good"), "acme/default/bad.sql": "/*---\nsource: demo\nmode: fast\n---*/\nSELECT 1 AS n",
		"acme/default/refused.sql": titled("refused"), "acme/default/shared.sql": sharing("globex: {}, broken: {}, nobody: {}"),
		"globex/company.yaml": "", "globex/default/good.sql": titled("good"),
		"broken/company.yaml": "users: 5", "broken/default/good.sql": titled("good"),
	})
	c := open(t, root, func(_ context.Context, endpoint *catalog.Endpoint) error {
		if endpoint.Title == "refused" {
			return &source.StatementError{Offset: 7, Message: "no such column"}
		}
		return nil
	})
	for reached, want := range map[string]bool{
		"acme good": true, "acme bad": false, "acme refused": false, "acme shared": true, "globex shared": true, "globex good": true, "broken good": false,
	} {
		company, slug, _ := strings.Cut(reached, " ")
		if finds(c, company, slug) != want {
			t.Errorf("%s: %t", reached, !want)
		}
	}
	same(t, "faults", below(root, c.Diagnostics()), `acme/default/bad.sql:3:7: mode must be sync or async; got fast; the endpoint is not published
acme/default/refused.sql:5:8: no such column; the endpoint is not published
acme/default/shared.sql:3:34: share.nobody: there is no such company; the catalog has acme, globex; the endpoint is live without this share
broken/company.yaml:1:8: users must be a map of keys and values such as { erp: { policies: [DataAPIConsumer] } }; got 5; the company and its endpoints are not published`)
	if _, err := catalog.Open(filepath.Join(root, "missing"), catalog.Options{}); err == nil {
		t.Error("a catalog that is not there is served")
	}
}

// What a company withdraws stops of another company what it must: the one user whose share context would hide nothing.
func TestWhatAnotherCompanyWithdrawsStopsNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	const shared = "/*---\nsource: demo\nparams: { regiao: { type: string } }\nshare: { globex: {} }\n---*/\nSELECT @regiao AS n"
	root := build(t, files{
		"acme/company.yaml": "", "acme/default/s.sql": strings.Replace(shared, "share: { globex: {} }\n", "", 1),
		"globex/company.yaml": "users: { bi: { share_context: { regiao: Sul } }, erp: {} }", "globex/default/own.sql": titled("own"),
	})
	c := open(t, root, nil)
	users := func() (active string) {
		company, ok := c.Current().Company("globex")
		if !ok {
			return "no company"
		}
		for _, name := range []string{"bi", "erp"} {
			if company.Users[name].Active {
				active += name + " "
			}
		}
		return active
	}
	same(t, "users", users(), "erp ")
	same(t, "faults", below(root, c.Diagnostics()), `globex/company.yaml:1:33: users.bi.share_context constrains "regiao", which is a parameter of no endpoint of company globex, nor of one shared with it; the user is refused, and the rest of the file is live`)
	if !finds(c, "globex", "own") {
		t.Error("the company's own endpoint is gone")
	}
	before := c.Current()
	if err := c.Reload(); err == nil || c.Current() != before {
		t.Error("nothing has changed, and there is another snapshot")
	}
	// A newer file of which the same is wrong is served the same way.
	write(t, root, "globex/company.yaml", "name: G\nusers: { bi: { share_context: { regiao: Sul } }, erp: {} }")
	if err := c.Reload(); err == nil {
		t.Error("no fault")
	}
	if company, _ := c.Current().Company("globex"); company.Name != "G" {
		t.Error("the newer file is not live")
	}
	same(t, "users", users(), "erp ")
	write(t, root, "acme/default/s.sql", shared)
	if err := c.Reload(); err != nil {
		t.Error(err)
	}
	same(t, "users of a sound file", users(), "bi erp ")
}

// A statement that a source takes long to judge is a fault of that statement, while every other is judged at once, of the
// same company and of others.
func TestAStatementThatIsSlowToJudgeHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	tree := files{"acme/company.yaml": "", "globex/company.yaml": "", "globex/default/a.sql": titled("one")}
	for i := range 8 {
		tree[fmt.Sprintf("acme/default/slow%d.sql", i)] = titled(fmt.Sprint("slow", i))
	}
	tree["acme/default/a.sql"] = titled("one")
	check := checkFunc(func(ctx context.Context, endpoint *catalog.Endpoint) error {
		if strings.HasPrefix(endpoint.Title, "slow") {
			<-ctx.Done()
			return dataapi.Wrap(dataapi.CodeExecutionTimeout, errors.Join(source.ErrPlanning, ctx.Err()))
		}
		return nil
	})
	root := build(t, files{"acme/company.yaml": "", "globex/company.yaml": ""})
	c, err := catalog.Open(root, catalog.Options{
		Dialects: dialects,
		Logger:   slog.New(slog.DiscardHandler), Debounce: 10 * time.Millisecond, Rescan: time.Hour, Check: check.columns(),
		CheckTimeout: 4 * time.Second, // longer than a busy machine takes for another company's file
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, text := range tree {
		write(t, root, name, text)
	}
	_ = c.Reload()
	if !finds(c, "acme", "a") || !finds(c, "globex", "a") {
		t.Error("a sound endpoint waits for one that is slow to judge")
	}
	before := len(c.Diagnostics())
	write(t, root, "globex/default/b.sql", titled("two"))
	eventually(t, "another company's edit is live", func() bool { return finds(c, "globex", "b") })
	if decided := len(c.Diagnostics()) - before; decided > 3 { // the slow ones take four seconds each, one after another
		t.Errorf("it took as long as %d slow statements", decided)
	}
	eventually(t, "a slow statement is at fault", func() bool { return len(c.Diagnostics()) > 0 })
	const want = ":5:1: the database takes longer than 4s to plan the statement; what does not depend on a row is worked out meanwhile; the endpoint is not published"
	if got := below(root, c.Diagnostics()[:1]); !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got)
	}
}

// A source that accepts connections and never answers is no fault of any statement.
func TestASourceThatIsSilentIsNoFaultOfAStatement(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	silent := checkFunc(func(ctx context.Context, _ *catalog.Endpoint) error {
		asked.Add(1)
		<-ctx.Done()
		return dataapi.Wrap(dataapi.CodeExecutionTimeout, ctx.Err())
	})
	many := files{}
	for i := range 20 {
		many[fmt.Sprintf("c%d/company.yaml", i)], many[fmt.Sprintf("c%d/default/a.sql", i)] = "", titled("one")
	}
	large, err := catalog.Open(build(t, many), catalog.Options{Dialects: dialects, Logger: slog.New(slog.DiscardHandler), Check: silent.columns()})
	if err != nil {
		t.Fatal(err)
	}
	if asked.Load() > 4+1 { // as many as are asked at once, and one of those again
		t.Errorf("it is asked %d times while the catalog is opened", asked.Load())
	}
	if err := large.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(build(t, small), catalog.Options{
		Dialects: dialects,
		Logger:   slog.New(slog.DiscardHandler), Check: silent.columns(), CheckTimeout: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "the endpoints are served unchecked", func() bool { return len(c.Warnings()) == 2 && title(c, "a") == "one" && title(c, "b") == "one" })
	if len(c.Diagnostics()) > 0 {
		t.Error(c.Diagnostics())
	}
}

// What takes access away does not wait for the source, for the rest of the company's files, or for another fault of its file.
func TestWithdrawalsGoFirst(t *testing.T) {
	t.Parallel()
	root := build(t, small.with(files{"acme/default/gone.sql": titled("one"), "acme/default/faulty.sql": titled("one"), "acme/default/word.sql": titled("one")}))
	release := make(chan struct{})
	var asking atomic.Bool
	c := open(t, root, func(ctx context.Context, endpoint *catalog.Endpoint) error {
		if endpoint.Title == "waits" {
			asking.Store(true)
			select {
			case <-release:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	defer close(release)
	write(t, root, "acme/default/a.sql", strings.Replace(titled("two"), "title", "active: false\ntitle", 1))
	write(t, root, "acme/default/faulty.sql", strings.Replace(titled("two"), "title", "active: false\ntitel", 1))
	write(t, root, "acme/default/word.sql", strings.Replace(titled("two"), "title", "active: no\ntitle", 1))
	if err := os.Remove(filepath.Join(root, "acme/default/gone.sql")); err != nil {
		t.Fatal(err)
	}
	write(t, root, "acme/default/new.sql", titled("waits")) // last, so that a reader of it finds all the others changed
	eventually(t, "the source is being asked", asking.Load)
	for _, slug := range []string{"a", "gone", "faulty", "word"} {
		if finds(c, "acme", slug) {
			t.Errorf("%s is still there", slug)
		}
	}
	faults := below(root, c.Diagnostics())
	if !strings.Contains(faults, "word.sql:3:9: active must be true or false; got no; did you mean false? The last good revision is switched off") ||
		!strings.Contains(faults, "faulty.sql:4:1: unknown key \"titel\"") {
		t.Error(faults)
	}
	// The text that was good before counts again when it is back.
	write(t, root, "acme/default/word.sql", titled("one"))
	eventually(t, "the good revision is back", func() bool { return finds(c, "acme", "word") })
}

// A file as large as may be, of the worst that it may hold, holds up no other company.
func TestALargeFileHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	root := build(t, small)
	c := open(t, root, nil)
	var list strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&list, "%d,", 1_000_000+i)
	}
	for i := range 5 {
		write(t, root, fmt.Sprintf("acme/default/large%d.sql", i), "/*---\nsource: demo\nparams: { n: { type: integer, enum: ["+list.String()+"0] } }\n---*/\nSELECT @n AS n")
	}
	write(t, root, "globex/default/b.sql", titled("one"))
	done := make(chan error, 1)
	go func() { done <- c.Reload() }()
	eventually(t, "another company's file is live", func() bool { return finds(c, "globex", "b") })
	if err := <-done; err == nil || !strings.Contains(err.Error(), "large0.sql:3:37: params.n.enum must list at most 10000 values; got 100001.") {
		t.Errorf("got %.300v", err)
	}
}

func columnsOf(names ...string) []source.Column {
	columns := make([]source.Column, len(names))
	for i, name := range names {
		columns[i] = source.Column{Name: name, Type: source.TypeBigInt}
	}
	return columns
}

// columns: is about columns that there are.
func TestDeclaredColumnsThatTheResultDoesNotHave(t *testing.T) {
	t.Parallel()
	root := build(t, files{
		"acme/company.yaml":  "",
		"acme/default/a.sql": "/*---\nsource: demo\ncolumns:\n  totl: { type: decimal, scale: 2 }\n  other: { description: x }\n  n: {}\n---*/\nSELECT 1 AS n",
	})
	c, err := catalog.Open(root, catalog.Options{Dialects: dialects, Logger: slog.New(slog.DiscardHandler), Check: func(context.Context, *catalog.Endpoint) ([]source.Column, error) {
		return columnsOf("regiao", "total", "n"), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	same(t, "faults", below(root, c.Diagnostics()), `acme/default/a.sql:4:3: columns: the result has no column "totl"; did you mean total? Allowed are regiao, total, n; the endpoint is not published
acme/default/a.sql:5:3: columns: the result has no column "other"; allowed are regiao, total, n; the endpoint is not published`)
}

// What a run has met is looked into: columns that have changed are a warning, a statement that is refused is a fault, and
// the endpoint stays live.
func TestDoubtsAreLookedInto(t *testing.T) {
	t.Parallel()
	root := build(t, small)
	var now atomic.Pointer[[]source.Column]
	var refused, down atomic.Pointer[error]
	known := columnsOf("n", "total")
	now.Store(&known)
	c, err := catalog.Open(root, catalog.Options{
		Dialects: dialects,
		Logger:   slog.New(slog.DiscardHandler), Retry: 5 * time.Millisecond, Rescan: time.Hour,
		Check: func(context.Context, *catalog.Endpoint) ([]source.Column, error) {
			for _, failure := range []*error{down.Load(), refused.Load()} {
				if failure != nil {
					return nil, *failure
				}
			}
			return *now.Load(), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	endpoint, _, _ := c.Current().Find("acme", "default", "a")
	const file = "acme/default/a.sql"

	changed := columnsOf("n", "extra")
	now.Store(&changed)
	c.Doubt(endpoint, nil)
	eventually(t, "the change is a warning", func() bool { return len(c.Warnings()) == 1 })
	same(t, "warnings", below(root, c.Warnings()), file+":5:1: the result has other columns than when the endpoint was published: total is gone, extra (bigint) is new; "+
		"callers get them, and are told so in the list of endpoints and in OpenAPI")

	var failure error = &source.StatementError{Offset: 7, Message: "no such column"}
	refused.Store(&failure)
	c.Doubt(endpoint, failure)
	eventually(t, "a statement that is refused is a fault", func() bool { return len(c.Diagnostics()) == 1 })
	same(t, "faults", below(root, c.Diagnostics()), file+":5:8: no such column; it stays live as it is")
	if title(c, "a") != "one" {
		t.Error("the endpoint is gone")
	}

	refused.Store(nil)
	c.Doubt(endpoint, &source.StatementError{Offset: -1, Message: `relation "t" does not exist`})
	eventually(t, "the source accepts it again", func() bool { return strings.Contains(below(root, c.Diagnostics()), "the source accepts the statement") })
	same(t, "faults", below(root, c.Diagnostics()), file+`:5:1: the source accepts the statement, and it fails when it runs: relation "t" does not exist; it stays live as it is`)

	var unavailable error = dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("nobody listens"))
	down.Store(&unavailable)
	c.Doubt(endpoint, nil)
	time.Sleep(20 * time.Millisecond)
	down.Store(nil)
	now.Store(&known)
	eventually(t, "and it is sound again, when the source can be asked again", func() bool { return len(c.Diagnostics())+len(c.Warnings()) == 0 })
	if again, _, _ := c.Current().Find("acme", "default", "a"); again != endpoint {
		t.Error("the endpoint is another one")
	}
}

// A company's files that belong to one change are published together, though what takes access away goes first.
func TestOneChangeOfACompanyIsNoFaultOnItsWay(t *testing.T) {
	t.Parallel()
	const param = "/*---\nsource: demo\nparams: { regiao: { type: string } }\n---*/\nSELECT @regiao AS n"
	root := build(t, small.with(files{"acme/company.yaml": "users: { erp: {}, old: {} }"}))
	var logged bytes.Buffer
	c, err := catalog.Open(root, catalog.Options{Dialects: dialects, Logger: slog.New(slog.NewTextHandler(&logged, nil)), Debounce: time.Hour, Rescan: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	write(t, root, "acme/company.yaml", "users: { erp: { share_context: { regiao: Sul } } }")
	write(t, root, "acme/default/a.sql", param)
	var steps []string
	c.OnChange(func(snapshot *catalog.Snapshot) {
		company, _ := snapshot.Company("acme")
		old := company.Users["old"]
		steps = append(steps, fmt.Sprintf("old %t, limited %t", old != nil && old.Active, len(company.Users["erp"].ShareContext) > 0))
	})
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	same(t, "steps", strings.Join(steps, "\n"), "old true, limited false\nold false, limited false\nold false, limited true")
	if strings.Contains(logged.String(), "ERROR") {
		t.Error(logged.String())
	}
}
