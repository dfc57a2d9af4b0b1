package execution_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// TestClaimsReachTheSource runs an endpoint as a request, on a source that answers with all that it is shown.
func TestClaimsReachTheSource(t *testing.T) {
	found, err := cachedPlan(t).Find("globex", "shared", "claims")
	if err != nil {
		t.Fatal(err)
	}
	caller := identity.Principal{Company: &identity.Company{Slug: "globex"}, User: &identity.User{
		Name: "integration", ShareContext: params.ShareContext{"b": {Maximum: []byte("3")}},
	}}
	want := `globex|integration|{"a":{"allowed":["x"]},"b":{"maximum":3}}`
	for name, bind := range map[string]func() (*execution.Bound, error){
		"sync": func() (*execution.Bound, error) { return found.Bind(caller, json.RawMessage(`{"a":"x"}`)) },
		"job":  func() (*execution.Bound, error) { return found.Rebind(caller, json.RawMessage(`{"a":"x","b":1}`)) },
	} {
		bound, err := bind()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := bound.Run(t.Context(), result.NewJSON(&out, result.JSONOptions{OmitLimits: true})); err != nil {
			t.Fatal(err)
		}
		if text := strings.ReplaceAll(out.String(), `\"`, `"`); !strings.Contains(text, want) {
			t.Errorf("%s: the source was shown %s, want %s", name, text, want)
		}
	}
}

// TestColleaguesRowsAreNotTheReaders: the callers who may see a job depend on whether the database knew who asked for it.
func TestColleaguesRowsAreNotTheReaders(t *testing.T) {
	plan := cachedPlan(t)
	caller := identity.Principal{Company: &identity.Company{Slug: "acme"}, User: &identity.User{Name: "reader"}}
	for _, c := range []struct {
		slug, user string
		want       bool
	}{
		{"open", "reader", true}, {"open", "colleague", true}, {"claims", "reader", true}, {"claims", "colleague", false},
		{"gone", "reader", true}, {"gone", "colleague", false},
	} {
		for _, owner := range []string{"acme", "initech"} {
			namespace := map[string]string{"acme": "default", "initech": "shared"}[owner]
			j := job.Job{
				Company: "acme", User: c.user, Params: json.RawMessage(`{"a":"x","b":1}`),
				Address: dataapi.Address{Company: owner, Namespace: namespace, Slug: c.slug},
			}
			want := c.want && (owner == "acme" || c.slug != "gone")
			if got := plan.MayRead(caller, j); got != want {
				t.Errorf("%s's %s, asked for by %s: may read is %t, want %t", owner, c.slug, c.user, got, want)
			}
			j.Personal = true // the endpoint was on a source with claims when the job was asked for
			if got := plan.MayRead(caller, j); got != (want && c.user == "reader") {
				t.Errorf("%s's %s, asked for by %s, personal: may read is %t", owner, c.slug, c.user, got)
			}
		}
	}
}
