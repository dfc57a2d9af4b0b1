package catalog_test

import (
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

// How long a query may run depends on the mode, on what happens at the limit, and on who waits.
func TestLimitsOfEachMode(t *testing.T) {
	for matter, want := range map[string]catalog.Limits{
		"":                                    {Timeout: time.Minute, JobTimeout: time.Minute, MaxRows: 10_000},
		"on_timeout: fail":                    {Timeout: time.Minute, JobTimeout: time.Minute, MaxRows: 10_000},
		"limits: {timeout: 2s}":               {Timeout: 2 * time.Second, JobTimeout: 2 * time.Second, MaxRows: 10_000},
		"mode: async":                         {Timeout: 30 * time.Minute, JobTimeout: 30 * time.Minute, MaxRows: 10_000},
		"mode: async\nlimits: {timeout: 24h}": {Timeout: 24 * time.Hour, JobTimeout: 24 * time.Hour, MaxRows: 10_000},
		"on_timeout: continue":                {Timeout: time.Minute, JobTimeout: 30 * time.Minute, MaxRows: 10_000},
		"on_timeout: continue\nlimits: {timeout: 3s}": {Timeout: 3 * time.Second, JobTimeout: 30 * time.Minute, MaxRows: 10_000},
		"on_timeout: continue\nlimits: {timeout: 3s, job_timeout: 24h, max_rows: 5}": {
			Timeout: 3 * time.Second, JobTimeout: 24 * time.Hour, MaxRows: 5,
		},
		"limits: {cache: 60s, stale_while_revalidate: 24h}": {
			Timeout: time.Minute, JobTimeout: time.Minute, MaxRows: 10_000, Cache: time.Minute, StaleWhileRevalidate: 24 * time.Hour,
		},
	} {
		root := build(t, files{
			"acme/company.yaml":  "name: Acme\n",
			"acme/default/x.sql": "/*---\nsource: main\n" + matter + "\n---*/\nSELECT 1 AS one",
		})
		snapshot, err := catalog.Load(root, dialects...)
		if err != nil {
			t.Errorf("%q: %v", matter, err)
			continue
		}
		endpoint, _, _ := snapshot.Find("acme", "default", "x")
		if endpoint.Limits != want {
			t.Errorf("%q: got %+v, want %+v", matter, endpoint.Limits, want)
		}
	}
}
