package source

import "context"

// Explainer is a query that can say how its database would run it. It is optional: operators who ask for it see the plans of slow
// queries in the log, with `slow_queries 1s { plan }`.
type Explainer interface {
	// Explain returns the plan that the database makes for the call now, in the database's own words, one line or more. It
	// never runs the statement or a part of it. The text holds no value of the call, however short: a value can be secret.
	//
	// It blocks until the database is done, and takes a connection as a run does; when ctx ends it is given up, as [Query].Run is.
	// Errors are those of Run, and errors.ErrUnsupported where there is no plan to be had.
	Explain(ctx context.Context, call Call) (plan string, err error)
}
