//go:build race

package sqlite

// streamedRows is small under the race detector, which slows SQLite itself down a hundredfold.
const streamedRows = 20_000
