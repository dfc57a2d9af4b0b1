// Package boltfile works on the files of embedded stores from outside of a server: it writes backups, and puts them back.
//
// A file gets its name only when it is complete, on disk and checked, and a file that is there already is never written over
// by accident. It knows neither Caddy nor what the records mean; package boltstore checks them.
//
// Start reading at [Save].
package boltfile
