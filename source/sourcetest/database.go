package sourcetest

import (
	"fmt"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

// Database says how to reach a database, and what to say to it. Everything must be given, but for Writes where nothing can be
// written: [Run] ends the test at once, and names every field that is missing.
type Database struct {
	// Open returns a new source that runs at most maxConns statements at once. The suite closes it.
	Open func(t *testing.T, maxConns int) source.Source

	// Dialect is what [source.Module] returns for the database.
	Dialect source.Dialect

	Count     string                      // the integers 1 to @n, a parameter of type integer, in order, as column n of type bigint
	Echo      map[source.ParamType]string // for every type: one row with the parameter @p as column v
	EchoArray map[source.ParamType]string // for every type: the elements of the array @p, one a row, in order, as column v
	Empty     string                      // a column a of type bigint and no row
	Duplicate string                      // two columns of one name
	Misspelt  string                      // uses the unknown column nosuch, once
	Endless   string                      // runs for more than a minute before its first row; its only column is n
	Fails     string                      // passes Check, and fails when it runs, before its first row; its only column is n
	Reads     string                      // one row; works when the text @p is JSON, and fails when it runs with another
	Writes    []string                    // statements that would change the database or its schema
}

// missing says of every field that is empty what belongs there, in the order of the fields.
func (db *Database) missing() (faults []string) {
	need := func(given bool, field, what string) {
		if !given {
			faults = append(faults, fmt.Sprintf("Database.%s is missing: %s", field, what))
		}
	}
	need(db.Open != nil, "Open", "a function that opens the source")
	need(db.Dialect != nil, "Dialect", "what Dialect of the source's module returns")
	need(db.Count != "", "Count", "a statement that returns the integers 1 to @n as column n")
	for _, kind := range source.ParamTypes() {
		need(db.Echo[kind] != "", fmt.Sprintf("Echo[%s]", kind), "a statement that returns the parameter @p as column v")
	}
	for _, kind := range source.ParamTypes() {
		need(db.EchoArray[kind] != "", fmt.Sprintf("EchoArray[%s]", kind), "a statement that returns the elements of the array @p as column v")
	}
	need(db.Empty != "", "Empty", "a statement with a column a of type bigint that returns no row")
	need(db.Duplicate != "", "Duplicate", "a statement with two columns of one name")
	need(db.Misspelt != "", "Misspelt", "a statement that uses the unknown column nosuch")
	need(db.Endless != "", "Endless", "a statement with the column n that runs for more than a minute before its first row")
	need(db.Fails != "", "Fails", "a statement with the column n that passes Check, and fails when it runs")
	need(db.Reads != "", "Reads", "a statement that returns a row when the text @p is JSON, and fails when it is not")
	return faults
}
