package catalog

import "github.com/solucao42/caddy-data-api/internal/catalog/document"

// What one document says is in package document. Users of the catalog need no second import for these.
type (
	// Endpoint is an endpoint of the catalog.
	Endpoint = document.Endpoint
	// ColumnNote is what an author says of a column.
	ColumnNote = document.ColumnNote
	// Limits bound one execution of an endpoint.
	Limits = document.Limits
	// Diagnostic is a mistake in a file of the catalog.
	Diagnostic = document.Diagnostic
	// Diagnostics are all mistakes of a catalog. It is the error of [Load] and [Open].
	Diagnostics = document.Diagnostics //nolint:errname // it is a list first, and an error second
)

// The modes of an [Endpoint], and what it does on a timeout.
const (
	Sync     = document.Sync
	Async    = document.Async
	Fail     = document.Fail
	Continue = document.Continue
)
