package formats

import (
	"slices"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/columnar"
	"github.com/solucao42/caddy-data-api/internal/result/sheet"
)

// All are the formats, the one that is preferred first.
var All = []*result.Format{result.JSON, result.NDJSON, result.CSV, columnar.Arrow, sheet.XLSX, columnar.Parquet}

// WithSuffix returns the format of a suffix; nil: there is none.
func WithSuffix(suffix string) *result.Format {
	for _, format := range All {
		if format.Suffix == suffix {
			return format
		}
	}
	return nil
}

// Queries are the names of the query parameters that vary formats.
func Queries() (names []string) {
	for _, format := range All {
		for _, variant := range format.Variants {
			if !slices.Contains(names, variant.Query) {
				names = append(names, variant.Query)
			}
		}
	}
	return names
}
