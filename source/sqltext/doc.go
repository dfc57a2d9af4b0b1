// Package sqltext reads SQL as far as parameters and the end of a statement need it: it divides a text into tokens and
// finds parameters that are written as @name. A source for a database that speaks SQL makes its [source.Dialect] with it.
//
// It knows no grammar and no database; what a statement does is for the database to judge. So it must never be what keeps a
// statement from writing.
//
// Start reading at [Rules], which say how a database's text differs, and at the examples.
package sqltext
