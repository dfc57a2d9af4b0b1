// Package echo is a source to learn from: a toy database whose statements give back what they are given.
//
// It is a module of its own, under a path of its own. So it can use no more of Data API for Caddy than yours can: package source. It
// knows no endpoint, no caller and no HTTP.
//
// Start reading in echo.go, which is what Caddy sees: the module, its options, and how they are written in a Caddyfile. source.go runs
// statements on a bounded number of connections, language.go is the database's language and its dialect. echo_test.go has the
// conformance suite, server_test.go a server. docs/sources.md goes through them step by step.
package echo
