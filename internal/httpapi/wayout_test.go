package httpapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// An unknown path is still 404 NOT_FOUND, and says what is beside it.
func TestUnknownPathsSayWhatIsBesideThem(t *testing.T) {
	api := New(Services{})
	const below = "/api/v1/data-api/default/sales"
	for request, want := range map[string]string{
		"POST " + below + "/execute.xls": `There is no format "xls" here. An endpoint answers as execute.json, execute.ndjson, execute.csv, execute.arrow, execute.xlsx and execute.parquet.`,
		"GET " + below + "/jobs/507f1f77bcf86cd799439011/result.xls": `There is no format "xls" here. A job's result is available as result.json, result.ndjson, ` +
			`result.csv, result.arrow, result.xlsx and result.parquet.`,
		"POST " + below + "/exec":     "There is nothing at this path. Below an endpoint are execute, jobs and links.",
		"GET " + below:                "There is nothing at this path. Below an endpoint are execute, jobs and links.",
		"GET " + below + "/":          "There is nothing at this path. Below an endpoint are execute, jobs and links.",
		"POST " + below + "/execute/": "There is nothing at this path. Remove the slash at its end.",
		"GET /api/v1/data-api/":       "There is nothing at this path. Remove the slash at its end.",
		"GET " + below + "/jobs/507f1f77bcf86cd799439011/results": "There is nothing at this path. Below a job is result.",
		"GET /api/v1/data-api/default":                            "There is nothing at this path.",
		"GET /api/v1/data-api/x/y/z/w/v/u":                        "There is nothing at this path.",
		"GET /elsewhere":                                          "There is nothing at this path.",
	} {
		method, path, _ := strings.Cut(request, " ")
		checkLost(t, api.execute, method, path, want)
	}
	for path, want := range map[string]string{
		"/api/v1/auth/apikey":   "There is nothing at this path. Did you mean /api/v1/auth/api-key?",
		"/api/v1/auth/api-key/": "There is nothing at this path. Remove the slash at its end.",
		"/api/v1/auth/login":    "There is nothing at this path.",
	} {
		checkLost(t, api.token, http.MethodPost, path, want)
	}
}

func checkLost(t *testing.T, handler http.Handler, method, path, want string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
	var got struct {
		Code   dataapi.Code `json:"code"`
		Detail string       `json:"detail"`
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil || recorder.Code != http.StatusNotFound || got.Code != dataapi.CodeNotFound || got.Detail != want {
		t.Errorf("%s %s\ngot  %d %s %s\nwant %s", method, path, recorder.Code, got.Code, got.Detail, want)
	}
}

// A header that names nothing is as one that is not there.
func TestEmptyAcceptIsAsAbsent(t *testing.T) {
	for _, values := range [][]string{nil, {""}, {" "}, {","}, {"", " , "}} {
		header := http.Header{"Accept": values}
		if !fields.AcceptsJSON(header) || fields.PrefersEvents(header) {
			t.Errorf("%q: JSON %v, events %v", values, fields.AcceptsJSON(header), fields.PrefersEvents(header))
		}
		if format := negotiate(header, formats.All); format != result.JSON {
			t.Errorf("%q: %v", values, format)
		}
	}
	if !fields.AcceptsJSON(http.Header{"Accept": {"", "application/json"}}) || fields.AcceptsJSON(http.Header{"Accept": {"", "text/html"}}) {
		t.Error("an empty field beside another")
	}
}

// What needs no endpoint goes the way of all other requests: it is as strict with queries, and looks again at who asks.
func TestPermissionsAndKeysGoTheCommonWay(t *testing.T) {
	key, err := token.NewHS256Key(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewKeyRing(key)
	if err != nil {
		t.Fatal(err)
	}
	api := New(Services{
		Log: slog.New(slog.DiscardHandler), Memory: respond.NewMemory(64 << 20), ClientIP: func(*http.Request) string { return "" }, TokenKeys: ring,
		AuditLog: noTrail{},
	})
	for path, serve := range map[string]http.HandlerFunc{
		dataapi.PathJWKS:        func(w http.ResponseWriter, r *http.Request) { api.ServeToken(w, r, dataapi.Base{}) },
		dataapi.PathPermissions: func(w http.ResponseWriter, r *http.Request) { api.execute.ServeHTTP(w, r) },
		"/api/v1/data-api/default/x/jobs/00000000000000000000000000": func(w http.ResponseWriter, r *http.Request) { api.execute.ServeHTTP(w, r) },
	} {
		recorder := httptest.NewRecorder()
		serve(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+"?fresh=1", nil))
		if recorder.Code != http.StatusBadRequest || !strings.Contains(recorder.Body.String(), "fresh") {
			t.Errorf("%s?fresh=1: %d %s", path, recorder.Code, recorder.Body)
		}
	}
	recorder := httptest.NewRecorder()
	api.ServeToken(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, dataapi.PathJWKS, nil), dataapi.Base{})
	if recorder.Code != http.StatusOK {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}

type noTrail struct{}

func (noTrail) Enabled() bool      { return false }
func (noTrail) Record(audit.Event) {}
