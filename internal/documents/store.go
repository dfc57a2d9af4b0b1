package documents

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind tells documents of different uses apart. Keys are unique inside a kind.
type Kind string

// The kinds, and what their keys and values are.
const (
	Endpoint Kind = "endpoint" // COMPANY/NAMESPACE/SLUG: the text of an endpoint file
	Company  Kind = "company"  // COMPANY: the text of a company.yaml
	Policy   Kind = "policy"   // COMPANY/POLICY: the map of a policy, as company.yaml has it below policies.POLICY
	User     Kind = "user"     // COMPANY/USER: the map of a user, as company.yaml has it below users.USER
)

// Kinds lists every kind that servers follow.
func Kinds() []Kind { return []Kind{Endpoint, Company, Policy, User} }

// revisionsKept is how many of the newest revisions of a document there are. Kinds that are not in it keep the present one.
var revisionsKept = map[Kind]int{Endpoint: 500, Company: 100, Policy: 100, User: 100}

// KeepDeleted is how long a document can be brought back that was deleted.
const KeepDeleted = 90 * 24 * time.Hour

// Document is one revision of a document.
type Document struct {
	Kind     Kind
	Key      string
	Revision int64 // 1 for the first, and one more for each change; a deletion is a change
	Value    []byte
	Deleted  bool // there is no value any more
	Stamp

	Digest [32]byte // SHA-256 of the value, where that is left out
}

// Stamp says how a revision has come about.
type Stamp struct {
	Author string    // COMPANY/USER; empty: an operator, by command
	Action string    // what was done, in a word of the kind's
	Note   string    // why, in the author's words; may be empty
	At     time.Time // when, in UTC and to the microsecond
}

// Write is a change of a document.
type Write struct {
	Kind   Kind
	Key    string
	Value  []byte
	Delete bool  // Value is ignored then
	If     int64 // the revision that is to be changed; [Absent]: there must be none; [Whatever]: it does not matter
	Keep   int   // how many revisions are kept, this one included; below 2: no other. [Library.Put] sets it.
	Stamp
}

// What [Write.If] can be beside a revision.
const (
	Absent   int64 = 0
	Whatever int64 = -1
)

// The limits of a document.
const (
	MaxValue = 1 << 20 // bytes
	MaxKey   = 255     // bytes
	MaxNote  = 2000    // bytes
)

// Errors, to be tested with errors.Is.
var (
	ErrNotFound = errors.New("there is no such document")
	ErrConflict = errors.New("the document is not the one that was to be changed")
	ErrInvalid  = errors.New("the document cannot be stored")
)

// ConflictError is an ErrConflict that knows what there is.
type ConflictError struct {
	Current Document // without its value; Revision 0: there has never been one, or nobody remembers it
}

// Error says what there is instead.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%v: it is at revision %d", ErrConflict, e.Current.Revision)
}

// Is makes the error an ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// Store keeps documents. It is safe for concurrent use, and a change is on disk when it returns. Package storetest holds the
// tests that every implementation passes.
type Store interface {
	// PutDocument makes the change, if the document is at the revision that it names, and returns the new revision. Else it fails
	// with a [ConflictError]. A deletion needs a document that is there; it fails with ErrNotFound otherwise, whatever If says.
	// What [Write.Check] refuses is refused. Revisions beyond Keep are forgotten.
	PutDocument(ctx context.Context, w Write) (Document, error)

	// GetDocument returns the present revision. ErrNotFound: there is none, or it is deleted.
	GetDocument(ctx context.Context, kind Kind, key string) (Document, error)

	// ListDocuments returns the documents whose keys begin with a prefix and come after another one, in the order of the bytes of
	// their keys, and at most limit of them. Those that are deleted are left out.
	ListDocuments(ctx context.Context, kind Kind, prefix, after string, limit int) ([]Document, error)

	// DocumentRevisions returns the revisions of a document that are kept, newest first, those before another one, or all where that
	// is 0, and at most limit of them, with their values' digests in place of the values. Those of a deleted document are among them. None: an empty list.
	DocumentRevisions(ctx context.Context, kind Kind, key string, before int64, limit int) ([]Document, error)

	// DocumentRevision returns one revision with its value. ErrNotFound: it is not kept, or there never was.
	DocumentRevision(ctx context.Context, kind Kind, key string, revision int64) (Document, error)

	// SweepDocuments forgets, with all their revisions, documents that were deleted before a time, at most limit of them. more: there
	// may be others. A document that is made under such a key later begins at revision 1.
	SweepDocuments(ctx context.Context, before time.Time, limit int) (more bool, err error)
}

// Check says why a change cannot be stored, with an error that is ErrInvalid; nil: it can. Keys and texts are UTF-8 without NUL.
func (w *Write) Check() error {
	for name, text := range map[string]string{"kind": string(w.Kind), "key": w.Key, "author": w.Author, "action": w.Action, "note": w.Note} {
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			return fmt.Errorf("%w: its %s is no text", ErrInvalid, name)
		}
	}
	switch {
	case w.Kind == "" || w.Key == "" || len(w.Kind) > MaxKey || len(w.Key) > MaxKey:
		return fmt.Errorf("%w: kind and key have 1 to %d bytes", ErrInvalid, MaxKey)
	case len(w.Note) > MaxNote || len(w.Author) > MaxNote || len(w.Action) > MaxNote:
		return fmt.Errorf("%w: author, action and note have at most %d bytes", ErrInvalid, MaxNote)
	case len(w.Value) > MaxValue:
		return fmt.Errorf("%w: it has %d bytes; the most is %d", ErrInvalid, len(w.Value), MaxValue)
	case w.If < Whatever:
		return fmt.Errorf("%w: %d is no revision", ErrInvalid, w.If)
	}
	return nil
}

// Next returns what a change makes of the present revision, which has Revision 0 where there is none, or why it may not be made.
func (w *Write) Next(current Document) (Document, error) {
	there := current.Revision > 0 && !current.Deleted
	switch {
	case w.Delete && !there && w.If <= Absent:
		return Document{}, ErrNotFound
	case w.If == Whatever, w.If == Absent && !there, w.If > 0 && there && current.Revision == w.If:
	default:
		current.Value = nil
		return Document{}, &ConflictError{current}
	}
	next := Document{Kind: w.Kind, Key: w.Key, Revision: current.Revision + 1, Value: w.Value, Deleted: w.Delete, Stamp: w.Stamp}
	if w.Delete {
		next.Value = nil
	}
	next.At = w.At.UTC().Truncate(time.Microsecond)
	return next, nil
}
