// Package sqlite runs endpoints on an SQLite database file, read-only.
//
// It sees the product only through package source: it knows no endpoint, no company and no HTTP. What it keeps from a
// statement, it keeps by SQLite's own means, an authorizer and a file that is open for reading; it does not judge SQL by
// its words alone.
//
// Start reading at [Source], whose comment is the reference of parameters, types and values. compile.go and prepare.go are a
// statement's way, run.go a run's, and conn.go makes a connection that can only read. docs/sqlite.md is for users.
package sqlite
