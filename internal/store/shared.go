package store

import (
	"context"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/documents"
)

// Shared is a store that several servers use at once, and through which they hear from each other.
type Shared interface {
	Store

	// Follow calls heard, from one goroutine, with what servers have changed since the store was opened, this one included,
	// within a second of each change, until ctx ends. What it names is in the store by then. It may name a change twice, and
	// misses none: when it cannot tell what has changed, it names [Everything]. What heard fails on is told again, every
	// half second; it should not block for long. As long as it runs, the server counts as one of those that are alive.
	// Follow is to be called once.
	Follow(ctx context.Context, heard func(ctx context.Context, changes []Change) error)

	// CatchUp returns when what was in the store at the call has been heard, by those who follow: what somebody else has just made is
	// known then. It takes some milliseconds, also for many callers at once, who ask the store together. It fails when the store
	// cannot be asked, at once when that is known already and within five seconds otherwise, and when nobody has followed by then.
	CatchUp(ctx context.Context) error

	// Tell lets all servers hear of a change that is nowhere in the store. It is durable when Tell returns nil.
	Tell(ctx context.Context, change Change) error

	// Standing says what this server knows of the others. It neither blocks nor asks the store, and is cheap enough for
	// each request.
	Standing() Standing

	// StaleAfter is how long a server may go on without hearing of changes: what it knows of revocations counts for nothing
	// then. It is above zero, and never changes.
	StaleAfter() time.Duration
}

// Standing is what a server knows of the others that share its store, and whether it hears of them.
type Standing struct {
	// Silence is how long it has not heard what others have changed: all that was in the store before that, it knows. It is
	// measured by the monotonic clock, so that no step of a clock shortens it.
	Silence time.Duration

	// Nodes is how many servers are alive, this one included: at least 1. Of a server that dies it is known after 15 s. While
	// the store is away it stays what it was.
	Nodes int

	// Signals says that others' changes are signalled. Otherwise they are polled for, twice a second, and nothing else is lost.
	Signals bool
}

// Change is something that servers have to hear of from each other.
type Change struct {
	Kind ChangeKind
	Key  string // which one; see the kinds
}

// ChangeKind says what has changed.
type ChangeKind string

// The kinds of changes.
const (
	Everything ChangeKind = "everything"     // anything may have changed
	APIKeys    ChangeKind = "api_keys"       // a key was made, replaced or revoked; by its ID
	Families   ChangeKind = "token_families" // a token family has ended; by its ID
	TokenKeys  ChangeKind = "token_keys"     // the keys that sign tokens were changed
	Documents  ChangeKind = "documents"      // a document was changed; by DocumentName
	Cache      ChangeKind = "cache"          // results are to be forgotten; by endpoint, COMPANY/NAMESPACE/SLUG, by COMPANY, or all
)

// DocumentName is the key of a change of a document.
func DocumentName(kind documents.Kind, key string) string { return string(kind) + "/" + key }

// DocumentOf returns what DocumentName has named.
func DocumentOf(name string) (kind documents.Kind, key string) {
	before, after, _ := strings.Cut(name, "/")
	return documents.Kind(before), after
}
