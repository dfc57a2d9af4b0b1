// Package store names what one store must keep for the product to run on it. Each part is declared by the package that
// uses it: keys by identity, jobs by job, deliveries by callback, token families and signing keys by token.
//
// It holds interfaces alone. The implementations, boltstore and pgstore, are in subpackages, which are imported where a store is
// opened, and nowhere else. Package storetest is what both have to pass. No store is written outside of this module: the
// interface changes with those who use it.
//
// Start reading at [Store].
package store
