// Package boltstore is the embedded store: one bbolt file that one process holds.
//
// Everything that writes goes through [Store.update], everything that reads through [Store.view]; both are for this
// package's own files, each of which keeps one kind of record and declares its buckets beside it with [bucket].
// Nothing may stream inside a transaction: a reader that stays in view stops a writer that has to grow the file.
//
// It decides nothing about jobs, keys or tokens; it keeps what their packages say. Start reading at [Open]; commit.go joins
// writes into one transaction, and schema.go has the version of the file.
package boltstore
