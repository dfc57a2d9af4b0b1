// Package postgres runs endpoints on PostgreSQL 14 or later, on pgx's connection level: statements are prepared once
// per connection, results travel in the binary format where that is exact and faster, and every value equals what
// to_json gives. When a caller goes away, the query is cancelled inside the database, and the connection lives on.
//
// It sees the product only through package source: it knows no endpoint, no company but the one in a call's claims, no HTTP.
// A driver's words and a connection string never leave it but as the cause of an error.
//
// Start reading at [Source] in postgres.go; query.go and run.go are a statement's way, use.go and session.go a connection's.
// docs/postgresql.md is the reference.
package postgres
