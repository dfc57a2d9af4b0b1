//go:build !race

package sqlite

// streamedRows is how many rows are streamed through the encoder.
const streamedRows = 1_000_000
