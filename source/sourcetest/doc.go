// Package sourcetest is the conformance suite that every source passes: what [source.Source], [source.Query] and
// [source.Dialect] document, against a real database, driven by a few statements in the database's own dialect.
//
// It is public, and for tests only. It knows nothing of a source but what package source says, so it cannot favour the
// built-in ones.
//
// Start reading at [Run] and [Database], which a source's test fills in.
package sourcetest
