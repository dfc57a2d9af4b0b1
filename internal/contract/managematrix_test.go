package contract

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// TestPermissionMatrix asks for every route about endpoints as users who have one action each, on one pattern, on endpoints within it
// and beyond it, and as everything of another company. What is not granted is refused, and says nothing of what there is.
func TestPermissionMatrix(t *testing.T) {
	t.Parallel()
	var company strings.Builder
	company.WriteString("name: Acme\npolicies:\n")
	names := make(map[dataapi.Action]string)
	for i, action := range dataapi.Actions() {
		names[action] = fmt.Sprint("only-", i)
		fmt.Fprintf(&company, "  P%d: { grants: [{ actions: [%q], endpoints: [sales/*] }] }\n", i, action)
	}
	company.WriteString("  Preview: { grants: [{ actions: [\"visualization:edit\", \"data_api:execute\"], endpoints: [sales/*] }] }\nusers:\n")
	for i := range dataapi.Actions() {
		fmt.Fprintf(&company, "  only-%d: { policies: [P%d] }\n", i, i)
	}
	company.WriteString("  previewer: { policies: [Preview] }\n  nothing: { policies: [] }\n  admin: { policies: [CompanyAdministrator] }\n")
	s := newServer(t, servertest.Config{
		Database: servertest.SQLite(t, t.TempDir(), sales),
		Files: map[string]string{
			"acme/company.yaml":   company.String(),
			"globex/company.yaml": "users: { admin: { policies: [CompanyAdministrator] } }\n",
		},
		Settings: func(s *servertest.Settings) { s.Authors = map[string][]string{"main": {"acme", "globex"}} },
	})
	admin := s.as("acme", "admin")
	for _, path := range []string{"/sales/x", "/other/x"} {
		admin.put(path, draftText, "If-None-Match: *").Want(http.StatusCreated)
	}
	draft := func(namespace string) string {
		return bodyOf(t, map[string]any{"namespace": namespace, "slug": "x", "text": draftText})
	}
	const view, edit = dataapi.ActionView, dataapi.ActionEdit
	routes := []struct {
		name, method, path string // with NS for the namespace
		body               func(namespace string) string
		fields             []string
		needs              dataapi.Action
		allowed            int // status, on an endpoint that there is
	}{
		{"get", http.MethodGet, "/NS/x", nil, nil, view, http.StatusOK},
		{"head", http.MethodHead, "/NS/x", nil, nil, view, http.StatusOK},
		{"text", http.MethodGet, "/NS/x", nil, []string{"Accept: application/sql"}, view, http.StatusOK},
		{"revisions", http.MethodGet, "/NS/x/revisions", nil, nil, view, http.StatusOK},
		{"revision", http.MethodGet, "/NS/x/revisions/1", nil, nil, view, http.StatusOK},
		{"put", http.MethodPut, "/NS/x", func(string) string { return draftText }, []string{"If-Match: *"}, edit, http.StatusOK},
		{"make", http.MethodPut, "/NS/x", func(string) string { return draftText }, []string{"If-None-Match: *"}, edit, http.StatusPreconditionFailed},
		{"restore", http.MethodPost, "/NS/x/revisions/1/restore", nil, []string{"If-Match: *"}, edit, http.StatusOK},
		{"activate", http.MethodPost, "/NS/x/activate", nil, nil, edit, http.StatusOK},
		{"stale delete", http.MethodDelete, "/NS/x", nil, []string{`If-Match: "0-0"`}, edit, http.StatusPreconditionFailed},
		{"check", http.MethodPost, "/check", draft, nil, edit, http.StatusOK},
	}
	users := map[string]dataapi.Action{"nothing": ""}
	for action, name := range names {
		users[name] = action
	}
	for user, action := range users {
		a := s.as("acme", user)
		for _, route := range routes {
			for _, namespace := range []string{"sales", "other"} {
				body := ""
				if route.body != nil {
					body = route.body(namespace)
				}
				want := http.StatusForbidden
				if action == route.needs && namespace == "sales" {
					want = route.allowed
				}
				if got := a.send(route.method, strings.Replace(route.path, "NS", namespace, 1), body, route.fields...); got.Status != want {
					t.Errorf("%s with %q on %s: got %d, want %d: %s", route.name, action, namespace, got.Status, want, got.Body)
				}
				// What there is not is refused alike.
				if missing := a.send(route.method, strings.Replace(route.path, "NS/x", namespace+"/none", 1), body, route.fields...); want == http.StatusForbidden && missing.Status != want {
					t.Errorf("%s with %q on what is not in %s: %d", route.name, action, namespace, missing.Status)
				}
			}
		}
		list := a.send(http.MethodGet, "/catalog", "")
		if action == view {
			if !strings.Contains(string(list.Body), `"slug":"x"`) || strings.Contains(string(list.Body), `"namespace":"other"`) || list.Status != http.StatusOK {
				t.Errorf("the list of who sees sales: %s", list.Body)
			}
		} else if list.Status != http.StatusForbidden {
			t.Errorf("the list with %q: %d", action, list.Status)
		}
		// A preview is a change and a call, and needs both.
		if got := a.send(http.MethodPost, "/preview", draft("sales")); got.Status != http.StatusForbidden {
			t.Errorf("a preview with %q: %d", action, got.Status)
		}
	}
	previewer := s.as("acme", "previewer")
	previewer.send(http.MethodPost, "/preview", draft("sales")).Want(http.StatusOK)
	previewer.send(http.MethodPost, "/preview", draft("other")).Problem(http.StatusForbidden, "FORBIDDEN")

	// Another company's administrator finds none of it, and makes its own beside it.
	globex := s.as("globex", "admin")
	for _, route := range routes {
		body := ""
		if route.body != nil {
			body = route.body("sales")
		}
		want := http.StatusNotFound
		switch route.name {
		case "put", "restore", "stale delete":
			want = http.StatusPreconditionFailed
		case "make":
			want = http.StatusCreated
		case "check":
			want = http.StatusOK
		}
		got := globex.send(route.method, strings.Replace(route.path, "NS", "sales", 1), body, route.fields...)
		if got.Status != want {
			t.Errorf("%s of another company: got %d, want %d: %s", route.name, got.Status, want, got.Body)
		}
		if route.name == "make" {
			globex.send(http.MethodDelete, "/sales/x", "", "If-Match: *").Want(http.StatusNoContent)
		}
		if strings.Contains(string(got.Body), "acme") {
			t.Errorf("%s tells another company of acme: %s", route.name, got.Body)
		}
	}
	if got := (answerOf{admin.send(http.MethodGet, "/sales/x", "")}).endpoint(http.StatusOK); got.LiveRevision == nil {
		t.Errorf("%+v", got)
	}
	// And nobody gets in without a token.
	for _, route := range routes {
		body := ""
		if route.body != nil {
			body = route.body("sales")
		}
		stranger := author{s, "x"}
		if got := stranger.send(route.method, strings.Replace(route.path, "NS", "sales", 1), body, route.fields...); got.Status != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", route.name, got.Status)
		}
	}
}
