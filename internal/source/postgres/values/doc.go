// Package values decodes what PostgreSQL sends: each column's type has a codec, and a [Reader] decodes rows with them, without an
// allocation per row. Values that have no codec of their own travel as text, or as to_json writes them.
//
// It knows neither connections nor statements: package postgres hands it the bytes and the types.
//
// Start reading at [CodecOf] and [Reader].
package values
