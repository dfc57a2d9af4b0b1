package contract

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// ofEndpoint is a route of one endpoint in a document, which names the endpoint.
var ofEndpoint = regexp.MustCompile(`^/api/v1/data-api/[a-z0-9-]+/[a-z0-9-]+/(execute|jobs|links)`)

// A user who may do everything finds an operation for each route, and no operation is without a route.
func TestEveryRouteIsDocumented(t *testing.T) {
	t.Parallel()
	s := managedServer(t, engines[0])
	document := describe(t, s.Get("/api/v1/data-api/openapi.json", s.Login("acme", "admin").Access).Want(http.StatusOK).Body)
	documented := make(map[string]bool)
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			documented[method+" "+ofEndpoint.ReplaceAllString(path, "/api/v1/data-api/{namespace}/{slug}/$1")] = true
		}
	}
	for _, route := range s.Services().API.Routes() {
		if _, last, _ := strings.Cut(route, "{slug}/"); strings.Contains(last, ".") {
			continue // a format by its suffix, which is Accept otherwise
		}
		if !documented[route] {
			t.Errorf("%s has no operation", route)
		}
		delete(documented, route)
	}
	for operation := range documented {
		t.Errorf("%s has no route", operation)
	}
	// A user who may only call is told of no route that governs.
	consumer := string(s.Get("/api/v1/data-api/openapi.json", s.Login("acme", "integration").Access).Want(http.StatusOK).Body)
	for _, path := range []string{"/catalog", "/check", "/preview", "/{namespace}/{slug}", "/api/v1/users", "/api/v1/policies", "/api/v1/keys", "/api/v1/status"} {
		if strings.Contains(consumer, path+`"`) {
			t.Errorf("a consumer's document has %s", path)
		}
	}
	for _, schema := range []string{"EndpointAsWritten", "ManagedUser", "PolicyChange"} {
		if strings.Contains(consumer, `"`+schema+`"`) {
			t.Errorf("a consumer's document has the schema %s", schema)
		}
	}
}

// What the routes of endpoints and policies answer is what the document says.
func TestManagementAnswersAsDocumented(t *testing.T) {
	t.Parallel()
	s := authorsServer(t, engines[0])
	admin := s.as("acme", "admin")
	document := describe(t, admin.send(http.MethodGet, "/openapi.json", "").Want(http.StatusOK).Body)
	check := func(method, path string, got answer) {
		t.Helper()
		operation := document.Paths.Value(path).GetOperation(method)
		response := operation.Responses.Status(got.Status)
		if response == nil {
			t.Fatalf("%s %s: %d is not documented: %s", method, path, got.Status, got.Body)
		}
		document.check(media(response).Schema, got.Body)
	}
	const below, one = "/api/v1/data-api", "/api/v1/data-api/{namespace}/{slug}"
	draft := bodyOf(t, map[string]any{"namespace": "sales", "slug": "x", "text": draftText})
	check(http.MethodPut, one, admin.put("/sales/x", draftText, "If-None-Match: *"))
	check(http.MethodPut, one, admin.put("/sales/x", draftText+" -- more", "If-Match: *"))
	check(http.MethodGet, one, admin.send(http.MethodGet, "/sales/x", ""))
	check(http.MethodGet, one, admin.send(http.MethodGet, "/default/file", ""))
	check(http.MethodPost, one+"/deactivate", admin.send(http.MethodPost, "/sales/x/deactivate", ""))
	check(http.MethodPost, one+"/activate", admin.send(http.MethodPost, "/sales/x/activate", ""))
	check(http.MethodGet, one+"/revisions", admin.send(http.MethodGet, "/sales/x/revisions", ""))
	check(http.MethodGet, one+"/revisions/{version}", admin.send(http.MethodGet, "/sales/x/revisions/1", ""))
	check(http.MethodPost, one+"/revisions/{version}/restore", admin.send(http.MethodPost, "/sales/x/revisions/1/restore", "", "If-Match: *"))
	check(http.MethodGet, below+"/catalog", admin.send(http.MethodGet, "/catalog", ""))
	check(http.MethodPost, below+"/check", admin.send(http.MethodPost, "/check", draft))
	check(http.MethodPost, below+"/preview", admin.send(http.MethodPost, "/preview", draft))
	policy := `{"grants":[{"actions":["data_api:execute"]}]}`
	check(http.MethodPut, "/api/v1/policies/{name}", s.Send(http.MethodPut, "/api/v1/policies/Few", admin.token, policy, "If-None-Match", "*"))
	check(http.MethodGet, "/api/v1/policies/{name}", s.Get("/api/v1/policies/Few", admin.token))
	check(http.MethodGet, "/api/v1/policies", s.Get("/api/v1/policies", admin.token))
}
