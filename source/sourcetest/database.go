package sourcetest

import (
	"fmt"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

// Database says how to reach a database, and what to say to it. Everything must be given, but for Writes where nothing can be
// written, and Alter where the source tells no version: [Run] ends the test at once, and names every field that is missing; Alter alone is
// missed by its own test.
//
// The column v of Echo and EchoArray is a varchar for a string, a bigint for an integer, a decimal, boolean, date, timestamptz for a timestamp,
// or uuid. The suite declares it so ([source.Statement].Columns), a decimal with a scale of 2, for databases that do not know these
// types, and asks a source that refuses this without.
type Database struct {
	// Open returns a new source that runs at most maxConns statements at once. The suite closes it. A source that is a
	// [source.Describer] has two tables at least.
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

	// Alter changes the schema, as another program does: it adds a column to a table. It is needed where the source is
	// [source.Versioned], and called once.
	Alter func(t *testing.T)
}

// missing says of every field that is empty what belongs there, in the order of the fields.
func (db *Database) missing() (faults []string) {
	need := func(given bool, field, what string) {
		if !given {
			faults = append(faults, fmt.Sprintf("Database.%s is missing: %s", field, what))
		}
	}
	column := func(kind source.ParamType) string { return "column v of type " + string(columnTypes[kind]) }
	need(db.Open != nil, "Open", "a function that opens the source")
	need(db.Dialect != nil, "Dialect", "what Dialect of the source's module returns")
	need(db.Count != "", "Count", "a statement that returns the integers 1 to @n as column n of type bigint")
	for _, kind := range source.ParamTypes() {
		need(db.Echo[kind] != "", fmt.Sprintf("Echo[%s]", kind), "a statement that returns the parameter @p as "+column(kind))
	}
	for _, kind := range source.ParamTypes() {
		need(db.EchoArray[kind] != "", fmt.Sprintf("EchoArray[%s]", kind), "a statement that returns the elements of the array @p as "+column(kind))
	}
	need(db.Empty != "", "Empty", "a statement with a column a of type bigint that returns no row")
	need(db.Duplicate != "", "Duplicate", "a statement with two columns of one name")
	need(db.Misspelt != "", "Misspelt", "a statement that uses the unknown column nosuch")
	need(db.Endless != "", "Endless", "a statement with the column n that runs for more than a minute before its first row")
	need(db.Fails != "", "Fails", "a statement with the column n that passes Check, and fails when it runs")
	need(db.Reads != "", "Reads", "a statement that returns a row when the text @p is JSON, and fails when it is not")
	return faults
}
