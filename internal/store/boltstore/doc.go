// Package boltstore is the embedded store: one bbolt file that one process holds.
//
// Package boltfile cares for the file. Here is what lies in it: everything that writes goes through its Update, everything that
// reads through its View, and each file of this package keeps one kind of record and declares its buckets beside it with
// layout.Bucket or layout.Index. Nothing may stream inside a transaction: a reader that stays in View stops a writer that has to
// grow the file.
//
// It decides nothing about jobs, keys or tokens; it keeps what their packages say. Start reading at [Open]; remake.go makes the
// indexes again from what they follow from.
package boltstore
