package store

import (
	"context"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/documents"
)

// Shared is a store that several servers use at once, and through which they hear from each other.
type Shared interface {
	Store

	// Follow calls heard, from one goroutine, with what servers have changed since the store was opened, this one included,
	// within a second of each change, until ctx ends. What it names is in the store by then. It may name a change twice, and
	// misses none: when it cannot tell what has changed, it names [Everything]. What heard fails on is told again, every
	// half second; it should not block for long. Follow is to be called once.
	Follow(ctx context.Context, heard func(ctx context.Context, changes []Change) error)

	// Tell lets all servers hear of a change that is nowhere in the store. It is durable when Tell returns nil.
	Tell(ctx context.Context, change Change) error
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
