package source

import "context"

// Source is a database that endpoints run on. It is safe for concurrent use.
type Source interface {
	// Compile makes a query of a statement without asking the database: named parameters become the database's own.
	// It returns a *StatementError when the text cannot be a statement, such as one that uses an undeclared parameter.
	Compile(statement Statement) (Query, error)

	// Close ends all connections, and returns when that is done. Queries that run are cancelled and fail; those that are run
	// from then on are [Unavailable]. It must not be called twice.
	Close() error
}

// Pinger is a source that has its own way to ask its database for a sign of life. It is optional: another source is asked to
// check SELECT 1 AS one, and one that cannot read that is taken to answer.
type Pinger interface {
	// Ping returns nil when the database answers. When it cannot be reached, the error is [Unavailable], and its cause is
	// shown to operators; when ctx's deadline passes, it is [TimedOut].
	Ping(ctx context.Context) error
}

// Named is a source that says which kind of database it is. It is optional.
type Named interface {
	// SystemName returns what traces call it: OpenTelemetry's db.system.name, such as postgresql. It is always the same.
	SystemName() string
}

// Bounded is a source that runs only so many queries at once, and makes others wait. It is optional: in front of such a
// source callers are admitted in an order that is fair among companies.
type Bounded interface {
	// Capacity returns how many queries run at once now, at least 1. It changes only where the source is [Resizing].
	Capacity() int
}

// Resizing is a source whose capacity changes while it runs, as when its database grants fewer connections than were
// asked for. It is optional.
type Resizing interface {
	Bounded

	// OnResize has the function called with the new capacity after every change from now on. It is called once, before the
	// source is used. The function must not call the source.
	OnResize(func(capacity int))
}

// Query is a statement that a source can run. It is safe for concurrent use and holds no connection between calls.
type Query interface {
	// Check asks the database whether the statement is one read-only statement with distinct column names, without
	// running it, and returns its columns. A column whose type only a value can tell has none yet. A fault of the statement is
	// a *StatementError; a database that cannot be reached is [Unavailable]. When ctx's deadline passes it is [TimedOut], which
	// wraps [ErrPlanning] where the database is known to have been at work on the statement.
	Check(ctx context.Context) ([]Column, error)

	// Run executes the statement with the call's arguments, one for each of Statement.Params, and pushes at most
	// MaxRows+1 rows into the sink, so that the sink can tell a truncated result. It blocks until the database is done
	// with the statement: when ctx ends, the statement is cancelled inside the database before Run returns. A database that
	// does not obey is given up: Run returns within a second of ctx's deadline.
	//
	// Errors: the sink's own, unchanged; context.Canceled when ctx was cancelled; and those that the functions of this
	// package make: [TimedOut] when ctx's deadline passed; [Unavailable] when the database cannot be reached and nothing has
	// run; [Interrupted] when the statement may have run and did not end for a reason that passes: Run does not run it
	// again; [Overloaded] when no connection came free in time; [ValueRefused] when an argument is one that the database
	// refuses; [Failed] for everything that the statement itself did wrong. A fault that the statement did not have when it
	// was checked is a [StatementError] inside of that.
	Run(ctx context.Context, call Call, sink Sink) error

	// UsesClaims reports whether the rows can differ with Call.Claims, which decides who may be given the same result
	// again: only a query of which that is certain not to be so says false. It does not block.
	UsesClaims() bool
}

// Call is one run of a query. It is passed by value, and a source keeps nothing of it after the run.
type Call struct {
	// Args holds one argument for each of Statement.Params, in that order.
	Args []Argument

	// Claims say for whom the query runs. The zero value is nobody, for whom a source that uses claims shows nothing.
	Claims Claims
}

// Statement is what an endpoint asks of its source. It is immutable.
type Statement struct {
	// SQL is one statement in the database's own dialect, with parameters written as @name.
	SQL string

	// Params declares every parameter that SQL may use, in the order of Run's arguments.
	Params []Param

	// Columns holds what the endpoint declares of its columns, by name. It may be nil. What a source cannot give as it is
	// declared is a fault of the statement.
	Columns map[string]ColumnSpec

	// MaxRows is the most rows that a caller is given, at least 1.
	MaxRows int

	// Name is what the statement is known by: its endpoint's COMPANY/NAMESPACE/SLUG. A source can use it to let the operators
	// of its database see which statement is whose. It decides nothing, and may be empty.
	Name string
}
