// Package openapi describes to a caller what it may run, as an OpenAPI 3.1 document: one path for each endpoint, with its
// parameters as share contexts leave them, the columns of its result, and every error that it can answer with.
//
// A document shows nothing that its caller may not know. The package asks no database and knows no HTTP server; package httpapi
// serves and caches what it makes. A test holds the operations against the routes.
//
// Start reading at [Document].
package openapi
