package fields

import (
	"net/http"
	"strconv"

	"github.com/solucao42/caddy-data-api/internal/result"
)

// The fields that say of a result what only JSON has a place for.
const (
	MaxRows   = "X-Data-Api-Max-Rows"
	RowCount  = "X-Data-Api-Row-Count"
	Truncated = "X-Data-Api-Truncated"
)

// SetSummary says how a result has ended.
func SetSummary(header http.Header, summary result.Summary) {
	header.Set(RowCount, strconv.Itoa(summary.RowCount))
	header.Set(Truncated, strconv.FormatBool(summary.Truncated))
}
