package caddymodule

import (
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/source"
)

// The types that a guest of a third party needs to implement a [SourceModule] or a [StoreModule]. They are declared in
// internal packages, which other modules cannot import; these names are how they reach them.
type (
	// Source is a database that endpoints run on.
	Source = source.Source
	// Query is a statement that a source can run.
	Query = source.Query
	// Call is one run of a query.
	Call = source.Call
	// Claims are what the server has established about a caller.
	Claims = source.Claims
	// Statement is what an endpoint asks of its source.
	Statement = source.Statement
	// StatementError is a fault of a statement, found when it is published.
	StatementError = source.StatementError
	// StatementParam is a parameter as a database sees it.
	StatementParam = source.Param
	// ParamValue is one bound argument.
	ParamValue = source.Argument
	// Sink receives a result while a source reads it.
	Sink = source.Sink
	// Column describes one column of a result.
	Column = source.Column
	// Value is one cell of a result.
	Value = source.Value
	// Error is an error of the catalogue.
	Error = dataapi.Error
	// Store keeps keys, jobs, results, deliveries and secrets.
	Store = store.Store
)
