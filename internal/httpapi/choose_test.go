package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

// Who waits, how long, and for what: by the endpoint and by what the caller prefers.
func TestTerms(t *testing.T) {
	limits := catalog.Limits{Timeout: 7 * time.Second, JobTimeout: time.Hour, MaxRows: 10}
	endpoints := map[string]*catalog.Endpoint{
		"sync":      {Mode: catalog.Sync, OnTimeout: catalog.Fail, Limits: limits},
		"continues": {Mode: catalog.Sync, OnTimeout: catalog.Continue, Limits: limits},
		"async":     {Mode: catalog.Async, OnTimeout: catalog.Fail, Limits: limits},
	}
	for _, test := range []struct {
		endpoint, prefer, key string
		asJob, detach         bool
		wait                  time.Duration
	}{
		{"sync", "", "", false, false, 0},
		{"sync", "unknown", "", false, false, 0},
		{"sync", "", "k", true, false, 7*time.Second + strictWait},
		{"sync", "respond-async", "", true, true, 0},
		{"sync", "respond-async", "k", true, true, 0},
		{"sync", "wait=3", "", true, true, 3 * time.Second},
		{"sync", "wait=3", "k", true, true, 3 * time.Second},
		{"sync", "respond-async, wait=3", "", true, true, 3 * time.Second},
		{"sync", "wait=0", "", true, true, 0},
		{"continues", "", "", true, true, 7 * time.Second},
		{"continues", "", "k", true, true, 7 * time.Second},
		{"continues", "respond-async", "", true, true, 0},
		{"continues", "wait=99", "", true, true, time.Minute},
		{"async", "", "", true, true, 0},
		{"async", "", "k", true, true, 0},
		{"async", "wait=3", "", true, true, 3 * time.Second},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		if test.prefer != "" {
			r.Header.Set("Prefer", test.prefer)
		}
		if test.key != "" {
			r.Header.Set("Idempotency-Key", test.key)
		}
		got, err := executionModeOf(r, endpoints[test.endpoint])
		if err != nil || got.asJob != test.asJob || got.detach != test.detach || got.wait != test.wait || got.key != test.key {
			t.Errorf("%+v: got %+v, %v", test, got, err)
		}
	}
}
