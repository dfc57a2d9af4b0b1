package link

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Link is what is stored of a link. Instants are UTC, to the microsecond.
type Link struct {
	ID string // it sorts by when the link was made

	// Whom it acts as.
	Company, User string
	KeyID         string // the API key by which the user made it; empty: a trusted issuer has identified the user

	// What it asks for.
	Namespace, Slug string
	Format          string            // the suffix of the route
	Options         map[string]string // of the format, and the revision
	Parameters      json.RawMessage   // the values of the parameters that it is bound to, to be shown
	Free            []string          // the parameters that a user of the URL may set, in order

	Name      string // in its maker's words; may be empty
	CreatedAt time.Time
	ExpiresAt time.Time
	Uses      int // how often it can be used; 0: there is no limit until it expires
	Used      int // how often it was, where that is limited
}

// Spent reports whether the link has been used as often as it can be.
func (l *Link) Spent() bool { return l.Uses > 0 && l.Used >= l.Uses }

// The limits of a link.
const (
	MinLifetime     = time.Minute
	DefaultLifetime = 7 * 24 * time.Hour
	MaxLifetime     = 366 * 24 * time.Hour
	MaxUses         = 1_000_000
	MaxName         = 200   // characters
	MaxPerCompany   = 10000 // links that are kept, expired ones included
)

// KeepExpired is how long it is still known of a link that it has expired.
const KeepExpired = 7 * 24 * time.Hour

// Errors, to be tested with errors.Is.
var (
	// ErrInvalid says that this server has not made the URL, or that its link was revoked, or is long gone.
	ErrInvalid = errors.New("it is no link of this server, or was changed or revoked")

	// ErrExpired and ErrSpent say that a URL is genuine, but has ended.
	ErrExpired = errors.New("the link has expired")
	ErrSpent   = errors.New("the link was used as often as it can be")

	// ErrNotFound is a store's: it has no such link.
	ErrNotFound = errors.New("there is no such link")

	// ErrTooMany is a store's: the company has as many links as it may.
	ErrTooMany = errors.New("the company has as many links as it may")
)

// Store keeps links. It is safe for concurrent use, and a change is on disk when it returns. Package storetest holds the tests that
// every implementation passes.
type Store interface {
	// CreateLink keeps a link whose ID is new. It fails with ErrTooMany where its company has so many links, expired ones included.
	CreateLink(ctx context.Context, made Link, most int) error

	// FindLink returns the link with this ID, or ErrNotFound.
	FindLink(ctx context.Context, id string) (Link, error)

	// UseLink counts a use of a link and returns it as it is then. It fails with ErrSpent, and counts nothing, where the link was
	// used as often as it can be: of any number of callers at once no more than are left succeed. ErrNotFound: there is none.
	UseLink(ctx context.Context, id string) (Link, error)

	// ListLinks returns links of a company to an endpoint, newest first, that are older than the one with the ID before, or all where
	// that is empty: at most limit.
	ListLinks(ctx context.Context, company, namespace, slug, before string, limit int) ([]Link, error)

	// RemoveLink forgets a link, or fails with ErrNotFound.
	RemoveLink(ctx context.Context, id string) error

	// PruneLinks forgets links that expired before a time, at most limit of them. more: there may be others.
	PruneLinks(ctx context.Context, before time.Time, limit int) (more bool, err error)
}
