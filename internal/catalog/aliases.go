package catalog

import "github.com/solucao42/caddy-data-api/internal/catalog/document"

// What one document says is in package document. Whoever has the catalog has these with it.
type (
	Endpoint    = document.Endpoint
	ColumnNote  = document.ColumnNote
	Limits      = document.Limits
	Diagnostic  = document.Diagnostic
	Diagnostics = document.Diagnostics
)

// The modes of an [Endpoint], and what it does on a timeout.
const (
	Sync     = document.Sync
	Async    = document.Async
	Fail     = document.Fail
	Continue = document.Continue
)
