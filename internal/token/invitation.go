package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"time"
)

// InvitationTTL is how long an invitation can be accepted.
const InvitationTTL = 5 * time.Minute

// errNoInvitation is why a code is refused that begins no session.
var errNoInvitation = errors.New("the code is no invitation, or not any more")

// Invite makes a family that has no tokens yet, and returns the secret code that somebody begins it with, once, and until when.
// The store has a hash of the code, which is the family's id, and nothing that the code could be made of. It fails with
// dataapi.CodeOverloaded when the store does.
func (f *Families) Invite(ctx context.Context, subject Subject) (code string, until time.Time, err error) {
	if err := subject.validate(); err != nil {
		return "", time.Time{}, err
	}
	code = rand.Text()
	now := f.now().UTC().Truncate(time.Second)
	until = now.Add(InvitationTTL)
	invited := Family{
		ID: familyOfCode(code), Subject: subject, Current: Link{IssuedAt: now},
		RotatedAt: now, CreatedAt: now, ExpiresAt: until, AccessUntil: until,
	}
	if err := f.store.CreateFamily(ctx, invited); err != nil {
		return "", time.Time{}, failed("keeping an invitation", err)
	}
	return code, until, nil
}

// familyOfCode returns the id of the family that a code begins. A reader of a log, which has the id, does not know the code.
func familyOfCode(code string) string {
	sum := sha256.Sum256([]byte("invitation:" + code))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
}

// Accept gives the first pair of a family for the code of its invitation. The code is good once, without any grace: when it
// comes back, somebody else has it, and the family ends, as that of an authorization code would (RFC 6749, 4.1.2). Every
// refusal is one dataapi.CodeUnauthenticated; a store that fails is dataapi.CodeOverloaded. The caller asks package
// identity whether the subject may have tokens.
func (f *Families) Accept(ctx context.Context, authority *Authority, code string) (Pair, error) {
	if !validIdentifier(code) {
		return Pair{}, unauthenticated(errNoInvitation)
	}
	now := f.now()
	first := Link{AccessID: rand.Text(), RefreshID: rand.Text(), IssuedAt: now.UTC().Truncate(time.Second)}
	var outcome exchange
	id := familyOfCode(code)
	family, err := f.store.ChangeFamily(ctx, id, func(family *Family) (altered bool) {
		outcome, altered = family.accept(first, authority, now)
		return altered
	})
	if outcome == reused {
		f.refuseAfter(family, id, now, err)
	}
	switch {
	case errors.Is(err, ErrFamilyNotFound):
		return Pair{}, unauthenticated(errNoInvitation)
	case err != nil:
		return Pair{}, failed("accepting an invitation", err)
	case outcome == rotated:
		return authority.remint(family)
	case outcome == reused:
		return Pair{}, unauthenticated(ErrReused)
	}
	return Pair{}, unauthenticated(errNoInvitation)
}

// isInvited reports whether the family waits for its invitation to be accepted.
func (f *Family) isInvited() bool { return f.Current.RefreshID == "" }

// accept applies the code of an invitation to its family.
func (f *Family) accept(first Link, authority *Authority, now time.Time) (outcome exchange, altered bool) {
	switch {
	case !f.RevokedAt.IsZero():
		return refused, false
	case !f.isInvited():
		f.RevokedAt = now
		return reused, true
	case !now.Before(f.ExpiresAt):
		return refused, false
	}
	f.Current, f.RotatedAt = first, now
	f.ExpiresAt, f.AccessUntil = first.IssuedAt.Add(authority.RefreshTTL()), first.IssuedAt.Add(authority.AccessTTL())
	return rotated, true
}
