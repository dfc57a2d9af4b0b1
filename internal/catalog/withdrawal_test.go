package catalog_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

func TestWhatIsDeletedGrantsNothing(t *testing.T) {
	t.Parallel()
	root := build(t, small)
	c := open(t, root, nil)

	if err := os.Remove(filepath.Join(root, "acme/company.yaml")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a company without its file is gone, and so are its endpoints", func() bool {
		_, ok := c.Current().Company("acme")
		return !ok && title(c, "a") == "-" && len(c.Diagnostics()) == 1
	})

	write(t, root, "acme/company.yaml", "")
	eventually(t, "a company that is back is live", func() bool { return title(c, "a") == "one" && len(c.Diagnostics()) == 0 })
}

// A mount that failed and a checkout under way must not take everything down.
func TestARootThatIsGoneOrEmptyKeepsEverything(t *testing.T) {
	t.Parallel()
	root := build(t, small)
	c := open(t, root, nil)
	moved := root + ".moved"
	if err := os.Rename(root, moved); err != nil {
		t.Fatal(err)
	}
	kept := func(fault string) func() bool {
		return func() bool {
			faults := c.Diagnostics()
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
	eventually(t, "a catalog that is back is live", func() bool { return title(c, "b") == "two" && len(c.Diagnostics()) == 0 })
	write(t, root, "acme/default/a.sql", titled("two"))
	eventually(t, "and is watched", func() bool { return title(c, "a") == "two" })
}

// The catalog may have been named relative to the working directory, be it that directory itself.
func TestAnEmptyWorkingDirectoryKeepsEverything(t *testing.T) {
	root := build(t, small)
	t.Chdir(root)
	// Nothing is noticed between the two removals: one company alone would be gone.
	c, err := catalog.Open(".", catalog.Options{Dialects: dialects, Logger: slog.New(slog.DiscardHandler), Debounce: time.Hour, Rescan: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
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
	t.Parallel()
	root := build(t, small.with(files{"globex/company.yaml": "users: { erp: {}, bi: {} }", "globex/default/g.sql": titled("g")}))
	var logged bytes.Buffer
	c, err := catalog.Open(root, catalog.Options{
		Dialects: dialects,
		Logger:   slog.New(slog.NewTextHandler(&logged, nil)), Debounce: time.Hour, Rescan: time.Hour,
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
	for _, fault := range c.Diagnostics() {
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
