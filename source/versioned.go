package source

import (
	"context"
	"time"
)

// Versioned is a source that can tell cheaply whether its schema is what it was. It is optional: a statement that such a source has
// accepted is not checked again, by a reload or another process, while the version is the same.
type Versioned interface {
	// Version returns a text that is another one as soon as [Query.Check] could say something else of any statement that it has
	// accepted, and that does not come back then: tables, columns, functions, types, rights, the role and its settings. It may
	// change more often. The error is one of those of [Query.Check] when the database cannot be reached, or
	// errors.ErrUnsupported when it cannot tell.
	Version(ctx context.Context) (string, error)
}

// WithVersionSince returns a context for the checks of many statements, which may use what [Versioned.Version] has found out of the
// schema since a moment, instead of each asking again. What was found out before is not to be used.
func WithVersionSince(ctx context.Context, moment time.Time) context.Context {
	return context.WithValue(ctx, sinceKey{}, moment)
}

// VersionSince returns the moment of [WithVersionSince]; not ok: the check is one of its own, and asks for all that it needs.
func VersionSince(ctx context.Context) (moment time.Time, ok bool) {
	moment, ok = ctx.Value(sinceKey{}).(time.Time)
	return moment, ok
}

type sinceKey struct{}
