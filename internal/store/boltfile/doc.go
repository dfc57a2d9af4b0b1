// Package boltfile is the care of one bbolt file, which one process holds: it opens, checks and writes it, joins writes into one
// transaction, notices damage, and makes the file smaller; from outside of a server it copies files, checks them and puts
// them back.
//
// Every record is sealed with a checksum. A file gets its name only when it is complete, on disk and checked, and a file that
// is there already is never written over by accident. It knows neither Caddy nor what the records mean: a [Layout] says which
// buckets there are, and the package that keeps records in them makes it.
//
// Start reading at [Open]: file.go has the [File], commit.go joins writes, schema.go has the version of the layout, inspect.go
// and pages.go read a file without bbolt. Backups are [Save] and [Restore].
package boltfile
