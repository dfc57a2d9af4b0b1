// Package statement reads the text of endpoints' statements for PostgreSQL: it replaces @name by $n, refuses what would not mean
// what it seems to, and finds the names by which a statement can call functions.
//
// It asks no database: what a name means there, package postgres finds out.
//
// Start reading at [Compile].
package statement
