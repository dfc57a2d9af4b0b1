package job

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// MaxList is the most jobs that one page of a list holds.
const MaxList = 200

// Filter chooses the jobs of a list. The zero value of a field chooses all.
type Filter struct {
	Status   Status
	Endpoint dataapi.Address
	User     string // who asked
	After    Cursor // what follows this place; zero: from the newest job on
	Limit    int    // at most so many, up to MaxList; 0: MaxList
}

// Cursor is a place in the list of a company's jobs. It stays valid when jobs come and go, the one it was taken from
// included: a reader who follows cursors to the end meets every job once that is there all the while.
type Cursor struct {
	CreatedAt time.Time
	ID        ID
}

// ErrInvalidCursor says that a text is not a cursor.
var ErrInvalidCursor = errors.New("this is not a cursor that a list has returned")

// IsZero reports whether the cursor names no place.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// String returns the cursor in a form for URLs, which says nothing to its reader; empty for none.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	text := binary.BigEndian.AppendUint64(nil, uint64(c.CreatedAt.UnixNano()))
	return base64.RawURLEncoding.EncodeToString(append(text, c.ID[:]...))
}

// ParseCursor reads what String has written; the empty text is the zero cursor.
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != 8+len(ID{}) || len(text) != base64.RawURLEncoding.EncodedLen(len(raw)) {
		return Cursor{}, ErrInvalidCursor
	}
	at := int64(binary.BigEndian.Uint64(raw))
	if at < 0 {
		return Cursor{}, ErrInvalidCursor
	}
	return Cursor{CreatedAt: time.Unix(0, at).UTC(), ID: ID(raw[8:])}, nil
}

// ListAll is List over the jobs of all companies, by ID: see [Store].
func (e *Engine) ListAll(ctx context.Context, filter Filter) (jobs []Job, next Cursor, err error) {
	return e.list(filter, func(filter Filter) ([]Job, Cursor, error) { return e.store.ListAll(ctx, filter) })
}

// List returns the jobs of a company, newest first, and the cursor that the next page follows; a zero one: there is none.
// What is searched for one page is bounded, so that a page can be short, or even empty, though there is a next one. Jobs
// that have expired are left out.
func (e *Engine) List(ctx context.Context, company string, filter Filter) (jobs []Job, next Cursor, err error) {
	return e.list(filter, func(filter Filter) ([]Job, Cursor, error) { return e.store.List(ctx, company, filter) })
}

// list leaves out what has expired.
func (e *Engine) list(filter Filter, stored func(Filter) ([]Job, Cursor, error)) (jobs []Job, next Cursor, err error) {
	if filter.Limit <= 0 || filter.Limit > MaxList {
		filter.Limit = MaxList
	}
	found, next, err := stored(filter)
	if err != nil {
		return nil, Cursor{}, err
	}
	now := e.options.Now()
	for _, j := range found {
		if !j.Expired(now) {
			jobs = append(jobs, j)
		}
	}
	return jobs, next, nil
}
