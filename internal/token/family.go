package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// RefreshGrace is how long the refresh token that was exchanged last still gives the pair that it was exchanged for: a
// caller that lost the answer, or whose workers refresh at the same time, is no thief (RFC 9700, 4.14.2 leaves room
// for it).
const RefreshGrace = 10 * time.Second

// Family is the chain of pairs that descend from one exchange of an API key. Only its newest refresh token can be
// exchanged; an older one that turns up again says that two parties hold tokens of the family, and ends it.
type Family struct {
	ID string
	Subject
	Current     Link      // the pair that was handed out last
	Previous    string    // jti of the refresh token that it was exchanged for; empty: it was an API key
	RotatedAt   time.Time // when that was
	CreatedAt   time.Time // when the API key was exchanged
	RevokedAt   time.Time // zero: the family lives
	ExpiresAt   time.Time // when its last refresh token expires
	AccessUntil time.Time // when its last access token expires
}

// Link is what a pair of tokens is made of, beside its family and the authority's configuration: from it the same pair
// can be made again.
type Link struct {
	AccessID  string // jti
	RefreshID string // jti
	IssuedAt  time.Time
}

// KeepUntil is when a store may forget the family: no token of it is accepted any more then.
func (f *Family) KeepUntil() time.Time {
	until := f.AccessUntil
	if f.RevokedAt.IsZero() && f.ExpiresAt.After(until) {
		until = f.ExpiresAt
	}
	return until.Add(MaxLeeway)
}

// Errors of a [FamilyStore], to be tested with errors.Is; an implementation may wrap them.
var (
	ErrFamilyNotFound = errors.New("there is no such token family")
	ErrFamilyExists   = errors.New("a token family with this id exists already")
)

// FamilyStore keeps token families. It is safe for concurrent use, by several processes if it can be shared. A write that
// returned nil is durable: it survives a crash of the process and of the machine. Any error but the two above
// and ctx's leaves the outcome of a write unknown. Times are stored to the microsecond and returned in UTC. The package
// storetest holds the tests that every implementation passes.
type FamilyStore interface {
	// CreateFamily adds a family, or returns ErrFamilyExists, and changes nothing then.
	CreateFamily(ctx context.Context, family Family) error

	// ChangeFamily gives change the family with this ID, keeps it as change has left it when that returns true, and
	// returns it as it is stored then; or ErrFamilyNotFound. Reading and writing are one transaction: no other change of
	// this family comes in between. change must not block, must do nothing but look at the family and alter it, and may
	// be called more than once, of which the last call counts. It cannot alter the ID.
	ChangeFamily(ctx context.Context, id string, change func(*Family) bool) (Family, error)

	// RevokedFamilies returns the families that are revoked and not yet removed, in no order.
	RevokedFamilies(ctx context.Context) ([]Family, error)

	// PruneFamilies removes at most limit families whose KeepUntil is at or before now, in one short transaction, and
	// reports whether there may be more.
	PruneFamilies(ctx context.Context, now time.Time, limit int) (more bool, err error)
}

// The causes of a refused exchange, for the log and the audit log: a caller sees one answer for all of them.
var (
	ErrReused        = errors.New("the refresh token was exchanged before: somebody else may hold it, so its family is revoked")
	ErrRevoked       = errors.New("the token's family is revoked")
	ErrUnknownFamily = errors.New("the refresh token's family is not kept here: it has expired, or another store keeps it")
)

// exchange is what comes of a refresh token that is presented.
type exchange int

const (
	refused  exchange = iota // the family had ended before
	rotated                  // the pair that was offered is the current one now
	repeated                 // the current pair is handed out again
	reused                   // the family has ended by this
)

// present applies a refresh token to its family, and reports whether that altered it. next begins with the pair that is
// handed out if the token is the current one.
func (f *Family) present(refreshID string, next Family, now time.Time) (outcome exchange, altered bool) {
	switch {
	case !f.RevokedAt.IsZero():
		return refused, false
	case refreshID == f.Current.RefreshID:
		f.Previous, f.Current, f.RotatedAt = refreshID, next.Current, now
		f.extend(next.ExpiresAt, next.AccessUntil)
		return rotated, true
	case refreshID == f.Previous && now.Sub(f.RotatedAt).Abs() <= RefreshGrace: // a clock that was set back counts, too
		// The same pair lives longer when the configuration has been changed meanwhile.
		earlier := next.Current.IssuedAt.Sub(f.Current.IssuedAt)
		return repeated, f.extend(next.ExpiresAt.Add(-earlier), next.AccessUntil.Add(-earlier))
	}
	f.RevokedAt = now
	return reused, true
}

// extend remembers when tokens expire that live longer than those before, and reports whether they do.
func (f *Family) extend(refresh, access time.Time) (longer bool) {
	if refresh.After(f.ExpiresAt) {
		f.ExpiresAt, longer = refresh, true
	}
	if access.After(f.AccessUntil) {
		f.AccessUntil, longer = access, true
	}
	return longer
}

// familyOf describes the family that begins with a pair.
func familyOf(pair Pair) Family {
	refresh, access := pair.Refresh.Claims, pair.Access.Claims
	return Family{
		ID: refresh.Family, Subject: refresh.Subject,
		Current:   Link{AccessID: access.ID, RefreshID: refresh.ID, IssuedAt: refresh.IssuedAt},
		RotatedAt: refresh.IssuedAt, CreatedAt: refresh.IssuedAt,
		ExpiresAt: refresh.ExpiresAt, AccessUntil: access.ExpiresAt,
	}
}

// remint makes the current pair of a family again: the same tokens, signed again.
func (a *Authority) remint(f Family) (Pair, error) { return a.mint(f.Subject, f.ID, f.Current) }

// failed words a failure of the store. Whether it has written is unknown; the caller repeats the request with the same
// token, which the grace covers.
func failed(doing string, err error) error {
	return dataapi.Wrap(dataapi.CodeOverloaded, fmt.Errorf("%s: %w", doing, err))
}
