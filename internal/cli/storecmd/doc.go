// Package storecmd has the commands of the store and of its file: backup, check, restore, compact, copy and migrate.
//
// Commands that name a file, or two stores, work without a server, and so does migrate, which finds the store by the configuration. The
// others ask the running server through Caddy's admin API. The package does not know what records mean: packages boltfile, boltstore and
// move copy and check them.
//
// Start reading in commands.go, which has the group; each command is in a file of its own. report.go prints what a store holds, and
// progress.go how far a command is.
package storecmd
