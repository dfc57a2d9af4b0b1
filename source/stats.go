package source

import "time"

// Reporter is a source that says how its connections fare. It is optional; operators see the figures in `caddy data-api status`
// and as metrics. Errors of runs are counted in front of all sources alike, and need not be reported.
type Reporter interface {
	// Stats returns the figures of this moment. It is called often, also while the database is down: it must neither block nor
	// ask the database.
	Stats() Stats
}

// Stats are the figures of a source at one moment. The zero value is a source that has no connection and no failure.
type Stats struct {
	// InUse is how many connections are taken by statements, those that are being opened for one included.
	InUse int
	// Idle is how many connections are open and wait for a statement.
	Idle int
	// Limit is how many connections there may be at most. It is the configured number, also while
	// the database grants fewer.
	Limit int

	// UnavailableSince is when the database could not be reached for the first time since it answered last. Zero: it answered
	// last, or was never asked.
	UnavailableSince time.Time
	// LastFailure is why the database could not be reached the last time that it could not, however long ago that is; nil:
	// never. Operators see its text, which must hold no password.
	LastFailure error
	// LastFailureAt is when that was. It is zero when LastFailure is nil.
	LastFailureAt time.Time
}
