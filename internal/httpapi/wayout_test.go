package httpapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/columnar"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// An unknown path is still 404 NOT_FOUND, and says what is beside it.
func TestUnknownPathsSayWhatIsBesideThem(t *testing.T) {
	api := New(Services{})
	const below = "/api/v1/data-api/default/sales"
	for request, want := range map[string]string{
		"POST " + below + "/execute.parquet": "Parquet is for the results of jobs: make a job with Prefer: respond-async, and get jobs/{job_id}/result.parquet when it has completed. " +
			"An endpoint answers as execute.json, execute.ndjson, execute.csv and execute.arrow.",
		"POST " + below + "/execute.xlsx": `There is no format "xlsx" here. An endpoint answers as execute.json, execute.ndjson, execute.csv and execute.arrow.`,
		"GET " + below + "/jobs/507f1f77bcf86cd799439011/result.xls": `There is no format "xls" here. A job's result can be had as result.json, result.ndjson, ` +
			`result.csv, result.arrow and result.parquet.`,
		"POST " + below + "/exec":     "There is nothing at this path. Below an endpoint are execute and jobs.",
		"GET " + below:                "There is nothing at this path. Below an endpoint are execute and jobs.",
		"GET " + below + "/":          "There is nothing at this path. Below an endpoint are execute and jobs.",
		"POST " + below + "/execute/": "There is nothing at this path. There is without the slash at its end.",
		"GET /api/v1/data-api/":       "There is nothing at this path. There is without the slash at its end.",
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
		"/api/v1/auth/api-key/": "There is nothing at this path. There is without the slash at its end.",
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

// A caller who asks an endpoint for Parquet by Accept is told where there is some.
func TestParquetOfAnEndpointIsRefusedInWords(t *testing.T) {
	parquet := columnar.Parquet.MediaType
	for accept, wanted := range map[string]bool{parquet: true, parquet + ";q=0.5, text/html": true, "text/html": false, parquet + ";q=0": false} {
		header := http.Header{"Accept": {accept}}
		err := dataapi.AsError(errNoFormat(header, formats.Streamed))
		if err.Code != dataapi.CodeNotAcceptable || strings.Contains(err.Detail, "results of jobs") != wanted {
			t.Errorf("%s: %s %s", accept, err.Code, err.Detail)
		}
	}
}

// A header that names nothing is as one that is not there.
func TestEmptyAcceptIsAsAbsent(t *testing.T) {
	for _, values := range [][]string{nil, {""}, {" "}, {","}, {"", " , "}} {
		header := http.Header{"Accept": values}
		if !fields.AcceptsJSON(header) || fields.PrefersEvents(header) {
			t.Errorf("%q: JSON %v, events %v", values, fields.AcceptsJSON(header), fields.PrefersEvents(header))
		}
		if format := negotiate(header, formats.Streamed); format != result.JSON {
			t.Errorf("%q: %v", values, format)
		}
	}
	if !fields.AcceptsJSON(http.Header{"Accept": {"", "application/json"}}) || fields.AcceptsJSON(http.Header{"Accept": {"", "text/html"}}) {
		t.Error("an empty field beside another")
	}
}

// Refused credentials are told what they were, in the same words whatever was wrong; the cause stays for the audit log.
func TestRefusedCredentialsAreToldWhatTheyWere(t *testing.T) {
	for _, words := range []string{wrongKey, wrongRefreshToken} {
		cause := errors.New("no such key")
		throttle := ratelimit.NewThrottle(time.Now)
		attempt, _ := throttle.Begin(ratelimit.ThrottleLimits{}, "192.0.2.1")
		err := verified(&attempt, dataapi.Wrap(dataapi.CodeUnauthenticated, cause), words)
		if known := dataapi.AsError(err); known.Code != dataapi.CodeUnauthenticated || known.Detail != words || !errors.Is(err, cause) {
			t.Errorf("%v", err)
		}
		if _, reason := respond.OutcomeOf(err); reason != "no such key" {
			t.Errorf("the audit log has %q", reason)
		}
	}
	if other := dataapi.Wrap(dataapi.CodeOverloaded, nil); !errors.Is(verified(new(ratelimit.Attempt), other, wrongKey), other) {
		t.Error("another error is changed")
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
