// Package result holds what a query answers with: columns with SQL type names, values, and the encoders that write
// them while they are read. No row is ever turned into a map or kept.
//
// An encoder writes to an io.Writer and knows no HTTP. Formats with heavy dependencies are in package columnar, and package formats
// lists them all.
//
// Start reading at [Encoder] and [Format]; json.go is the encoder that most answers take. append.go writes each kind of
// value, and read.go reads a stored result back.
package result
