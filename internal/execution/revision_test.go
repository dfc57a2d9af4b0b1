package execution_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// TestRevisionsOfAnotherSourceAreNotHad: an endpoint that was moved to a source with claims would else show what it showed
// before.
func TestRevisionsOfAnotherSourceAreNotHad(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "acme", "default"), 0o755); err != nil {
		t.Fatal(err)
	}
	queries := execution.NewQueries(execution.Sources{"open": telltale{}, "claims": telltale{true}})
	publish := func(source, statement string) (*execution.Plan, string) {
		for path, content := range map[string]string{
			"acme/company.yaml": "name: Acme\n", "acme/default/x.sql": "/*---\nsource: " + source + "\n---*/\n" + statement,
		} {
			if err := os.WriteFile(filepath.Join(root, path), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		snapshot, err := catalog.Load(root)
		if err != nil {
			t.Fatal(err)
		}
		endpoint := snapshot.Endpoints()[0]
		if _, err := queries.Check(t.Context(), endpoint); err != nil {
			t.Fatal(err)
		}
		return execution.NewPlan(snapshot, queries), endpoint.Revision
	}
	caller := identity.Principal{Company: &identity.Company{Slug: "acme"}, User: &identity.User{Name: "reader"}}
	_, open := publish("open", "SELECT 1 AS a")
	plan, moved := publish("claims", "SELECT 1 AS a")
	if _, err := plan.FindRevision(caller, "default", "x", open); !dataapi.HasCode(err, dataapi.CodeRevisionNotFound) {
		t.Errorf("the revision of the other source: %v", err)
	}
	plan, _ = publish("claims", "SELECT 2 AS a")
	if _, err := plan.FindRevision(caller, "default", "x", moved); err != nil {
		t.Errorf("the revision of the same source: %v", err)
	}
}
