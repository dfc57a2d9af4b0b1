package source

// Dialect reads statements without a database, as far as their text alone tells: so that a faulty endpoint file is told
// from a sound one before any database is asked, and in an editor too. It is safe for concurrent use.
type Dialect interface {
	// Scan reads a statement, which may be any text. It neither blocks nor asks a database. What it reports as a fault,
	// Source.Compile or Query.Check refuses as well; it need not find every fault.
	Scan(sql string) Reading
}

// Reading is what the text of a statement tells.
type Reading struct {
	Params []ParamUse       // in the order in which they are written
	Faults []TextDiagnostic // in the order of their places
}

// ParamUse is a place in a statement where a parameter may be used.
type ParamUse struct {
	Name   string
	Offset int  // of the @ before the name, in bytes
	Sure   bool // it is a parameter; else it could be a part of something longer
}

// TextDiagnostic is what is wrong with a statement whatever the database holds.
type TextDiagnostic struct {
	Offset      int // in bytes
	Message     string
	Placeholder bool // it is a parameter in another style than @name
}
