// Package servertest runs the server inside a test: the composition root over a real database and a temporary store, behind
// net/http/httptest.
//
// It has no Caddy, no process of its own and no Caddyfile; package e2e tests those. It is for tests only, and asks the server
// over HTTP as a caller would.
//
// Start reading at [New]. [OnEveryEngine] runs a test on every database; [Client] makes the calls.
package servertest
