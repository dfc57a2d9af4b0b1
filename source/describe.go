package source

import "context"

// Describer is a source that says which tables its statements can read. It is optional: authors are offered the names while they
// write, and are told what a column is.
type Describer interface {
	// Describe returns the tables and views that the role which statements run as can read, those of the database's own catalog
	// left out, ordered by schema and name. It returns at most maxTables of them, with at most maxColumns columns together: it ends before
	// a table that does not fit in whole, and the schema is truncated then. It blocks as a run does, obeys ctx as one does, and fails with
	// the errors of [Query.Run].
	Describe(ctx context.Context, maxTables, maxColumns int) (Schema, error)
}

// Schema is what a source can read.
type Schema struct {
	Tables    []Table
	Truncated bool // there are more
}

// Table is one that can be read.
type Table struct {
	Schema  string // empty: the database has none
	Name    string
	Kind    TableKind
	Comment string // of the database; may be empty

	// Plain says that a statement finds the table by its name alone.
	Plain bool

	Columns []TableColumn // those that can be read, in their order
}

// TableKind is what a table is.
type TableKind string

// The kinds.
const (
	KindTable            TableKind = "table"
	KindView             TableKind = "view"
	KindMaterializedView TableKind = "materialized_view"
	KindForeignTable     TableKind = "foreign_table"
)

// TableColumn is a column of a table.
type TableColumn struct {
	Name     string
	Type     string // as the database writes it
	Nullable bool   // as far as the database tells
	Comment  string // may be empty
}
