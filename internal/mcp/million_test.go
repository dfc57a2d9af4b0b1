//go:build !race

package mcp_test

import (
	"strings"
	"testing"
)

// TestMillionRowsAreShort: of a result as large as its endpoint lets it be, an agent reads the beginning, and how much there is. Not under
// the race detector, beside which a busy machine does not get through so many rows in the minute that a call may take.
func TestMillionRowsAreShort(t *testing.T) {
	t.Parallel()
	session := connect(t, serve(t, catalog()), "/mcp", "integration")
	got, text := call(t, session, "default__series", `{"rows": 1000001}`)
	if !got.Truncated || got.RowCount != 1_000_000 || len(got.Rows) != 100 || len(text) > 40<<10 {
		t.Errorf("%d rows, of which %d are in %d bytes, truncated %t", got.RowCount, len(got.Rows), len(text), got.Truncated)
	}
	if !strings.Contains(got.Note, "more than 1000000 rows (the endpoint stops at 1000000)") || got.Whole != "/api/v1/data-api/default/series/execute" {
		t.Errorf("%q, the whole is at %q", got.Note, got.Whole)
	}
}
