package catalog_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/source"
)

// many is a catalog of two companies with a hundred endpoints each.
func many() files {
	tree := files{"acme/company.yaml": "", "globex/company.yaml": ""}
	for i := range 100 {
		for _, company := range []string{"acme", "globex"} {
			tree[fmt.Sprintf("%s/default/e%d.sql", company, i)] = titled(fmt.Sprint("number ", i))
		}
	}
	return tree
}

func openAt(t *testing.T, root string, later time.Duration, options catalog.Options) *catalog.Catalog {
	t.Helper()
	options.Logger, options.Debounce, options.Rescan = slog.New(slog.DiscardHandler), time.Hour, time.Hour
	c, err := catalog.Open(root, options.At(later))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestUnchangedFilesAreNotRead: neither again by one catalog, nor by the next one, which serves the very same snapshot.
func TestUnchangedFilesAreNotRead(t *testing.T) {
	t.Parallel()
	root := build(t, many())
	first := openAt(t, root, time.Hour, catalog.Options{})
	opened := first.Reads()
	if err := first.Reload(); err != nil || first.Reads() != opened {
		t.Fatalf("%d of %d files were read again: %v", first.Reads()-opened, opened, err)
	}
	second := openAt(t, root, time.Hour, catalog.Options{Before: first})
	if second.Reads() != 0 {
		t.Errorf("the next catalog has read %d files", second.Reads())
	}
	if second.Current() != first.Current() {
		t.Error("it serves another snapshot")
	}

	// One that reads statements otherwise reads everything.
	other := openAt(t, root, time.Hour, catalog.Options{Before: first, Authors: map[string][]string{"demo": nil}})
	if other.Reads() != opened {
		t.Errorf("one that makes something else of files has read %d of %d", other.Reads(), opened)
	}

	// A file of the same length that claims to be as old as the one before, and a company's.
	path := filepath.Join(root, "acme/default/e7.sql")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, "acme/default/e7.sql", titled("nomber 7"))
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	write(t, root, "acme/company.yaml", "active: false\n")
	third := openAt(t, root, time.Hour, catalog.Options{Before: second})
	if third.Reads() < 2 || third.Reads() > 6 {
		t.Errorf("after two edits %d files were read", third.Reads())
	}
	company, _ := third.Current().Company("acme")
	if company.Active || third.Current().Endpoints()[endpointAt(third, "e7")].Title != "nomber 7" {
		t.Error("an edit is not live")
	}
}

func endpointAt(c *catalog.Catalog, slug string) int {
	for i, endpoint := range c.Current().Endpoints() {
		if endpoint.Slug == slug && endpoint.Company == "acme" {
			return i
		}
	}
	return -1
}

// TestTheStoreAddsToAnUnchangedFile: what it has of a company counts, and ends, while the company's file stays as it is.
func TestTheStoreAddsToAnUnchangedFile(t *testing.T) {
	t.Parallel()
	c := openAt(t, build(t, many()), time.Hour, catalog.Options{})
	policy, user := map[string][]byte{"Few": []byte(`{"grants":[{"actions":["data_api:execute"]}]}`)}, map[string][]byte{"ana": []byte(`{"policies":[]}`)}
	for i, stored := range []*catalog.Stored{{}, {Policies: policy}, {}, {Users: user}, {}, {Policies: policy, Users: user}, {Policies: policy}, {}} {
		<-c.SetStored("acme", stored)
		acme, _ := c.Current().Company("acme")
		if len(acme.Policies) != len(stored.Policies) || len(acme.Users) != len(stored.Users) {
			t.Errorf("step %d: %d policies and %d users are in force of %d and %d", i, len(acme.Policies), len(acme.Users), len(stored.Policies), len(stored.Users))
		}
	}
}

// TestYoungFilesAreRead: of a file that was written just now the time does not tell whether it has changed since.
func TestYoungFilesAreRead(t *testing.T) {
	t.Parallel()
	root := build(t, many())
	first := openAt(t, root, 0, catalog.Options{})
	opened := first.Reads()
	second := openAt(t, root, 0, catalog.Options{Before: first})
	if second.Reads() < opened/2 {
		t.Errorf("%d of %d files were read again", second.Reads(), opened)
	}
	if second.Current() != first.Current() {
		t.Error("it serves another snapshot")
	}
}

// TestRecalledStatementsAreNotAsked: what a source accepted is good, and what it accepted under another schema goes live when the
// source takes long to judge it again.
func TestRecalledStatementsAreNotAsked(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	slow, columns := make(chan struct{}), []source.Column{{Name: "n", Type: source.TypeInteger}}
	root := build(t, files{
		"acme/company.yaml": "", "acme/default/known.sql": titled("known"), "acme/default/stale.sql": titled("stale"),
		"acme/default/gone.sql": titled("gone"),
	})
	c := openAt(t, root, 0, catalog.Options{
		StaleWait: 10 * time.Millisecond, CheckTimeout: 10 * time.Minute,
		Check: func(ctx context.Context, endpoint *catalog.Endpoint) ([]source.Column, error) {
			if endpoint.Slug == "known" {
				asked.Add(1)
			}
			select {
			case <-slow:
			case <-ctx.Done():
			}
			if endpoint.Slug == "gone" {
				return nil, &source.StatementError{Message: "there is no such table"}
			}
			return columns, ctx.Err()
		},
		Recall: func(_ context.Context, endpoints []*catalog.Endpoint) map[*catalog.Endpoint]catalog.Recollection {
			known := make(map[*catalog.Endpoint]catalog.Recollection)
			for _, endpoint := range endpoints {
				known[endpoint] = catalog.Recollection{Columns: columns, Stale: endpoint.Slug != "known"}
			}
			return known
		},
	})
	if n := len(c.Current().Endpoints()); n != 3 {
		t.Fatalf("%d endpoints are live", n)
	}
	close(slow)
	_ = c.ReloadAndWait(t.Context())
	if asked.Load() != 0 {
		t.Error("the source was asked about a statement that it is known to accept")
	}
	if faults := c.Diagnostics(); len(c.Current().Endpoints()) != 2 || len(faults) != 1 {
		t.Errorf("live are %v, and the faults are %v", c.Current().Endpoints(), faults)
	}
}
