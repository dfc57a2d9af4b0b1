package execution

import (
	"runtime"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// compiling is a source that understands every statement.
type compiling struct{ source.Source }

func (*compiling) Compile(source.Statement) (source.Query, error) { return described(nil), nil }

// TestTroublesAreShared: what one configuration's queries remember is known to the next one's, and forgotten with the last of them.
func TestTroublesAreShared(t *testing.T) {
	troubles := NewTroubles()
	database := new(compiling)
	endpoint := func(slug, revision string) *catalog.Endpoint {
		return &catalog.Endpoint{Address: dataapi.Address{Company: "acme", Namespace: "default", Slug: slug}, Revision: revision, Source: "main"}
	}
	configured := func() *Queries {
		queries := NewQueries(Sources{"main": database})
		queries.ShareTroubles(troubles)
		return queries
	}
	query := func(queries *Queries, slug, revision string) *checkedQuery {
		t.Helper()
		found, err := queries.get(endpoint(slug, revision))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	run := func(q *checkedQuery, err error) { (&Bound{Endpoint: q.endpoint, query: q}).noteRun(err) }

	func() {
		before := query(configured(), "a", "1")
		run(before, &dataapi.Error{Code: dataapi.CodeInternal})
		run(before, &dataapi.Error{Code: dataapi.CodeExecutionTimeout})
		queries := configured()
		after := query(queries, "a", "1")
		if found := after.trouble.Load(); found == nil || found.Failures != 2 || found.Code != dataapi.CodeExecutionTimeout {
			t.Errorf("the next configuration knows of %+v", found)
		}
		for slug, other := range map[string]*checkedQuery{"another revision": query(queries, "a", "2"), "another endpoint": query(queries, "b", "1")} {
			if found := other.trouble.Load(); found != nil {
				t.Errorf("%s has failed, too: %+v", slug, found)
			}
		}
		run(after, nil)
		if found := before.trouble.Load(); found != nil {
			t.Errorf("after a run that succeeded: %+v", found)
		}
		runtime.KeepAlive(queries)
	}()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		troubles.mu.Lock()
		left := len(troubles.known)
		troubles.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d endpoints are remembered that nobody has", left)
		}
	}
}
