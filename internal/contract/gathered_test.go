package contract

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// TestParquetIsGatheredForFewReaders: each answer as Parquet holds a group of rows in memory, for as long as its query and its reader
// like, so a company has a few of them at once, and all other formats meanwhile.
func TestParquetIsGatheredForFewReaders(t *testing.T) {
	t.Parallel()
	e := engines[1] // whose slow statement leaves the processors to others
	s := newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales).Conns(40), Files: map[string]string{
		"acme/company.yaml":     companyFile,
		"acme/default/slow.sql": "/*---\nsource: main\nlimits: { timeout: 60s }\n---*/\n" + e.Slow,
		"acme/default/fast.sql": "/*---\nsource: main\n---*/\nSELECT 1 AS n",
	}})
	token := s.Login("acme", "integration").Access
	const below = "/api/v1/data-api/default/"
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for ctx.Err() == nil { // the question below may have had the last place
				_, _ = s.Try(ctx, http.MethodGet, below+"slow/execute.parquet", token, "")
			}
		})
	}
	servertest.Eventually(t, "all places are taken", patience, func() bool {
		return s.Get(below+"fast/execute.parquet", token).Status == http.StatusServiceUnavailable
	})
	s.Get(below+"fast/execute.parquet", token).Problem(http.StatusServiceUnavailable, "OVERLOADED")
	s.Get(below+"fast/execute.csv", token).Want(http.StatusOK)
	cancel()
	readers.Wait()
	servertest.Eventually(t, "places come free", patience, func() bool {
		return s.Get(below+"fast/execute.parquet", token).Status == http.StatusOK
	})
}
