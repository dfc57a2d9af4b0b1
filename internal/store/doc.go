// Package store names what one store must keep for the product to run on it. Each part is declared by the package that
// uses it: keys by identity, jobs by job, deliveries by callback, token families and signing keys by token.
//
// It holds interfaces alone. The implementations are in subpackages, which nothing but caddymodule and tests imports.
// The interface stays internal until a second store has proved it.
//
// Start reading at [Store].
package store
