package token

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Families exchanges refresh tokens and knows which families have ended. There is one for a store, shared by every
// configuration that uses the store: a family that ends under one of them has ended for requests in flight under all of
// them. It is safe for concurrent use.
type Families struct {
	store FamilyStore
	now   func() time.Time

	writing sync.Mutex // one change of revoked at a time
	revoked [shards]atomic.Pointer[revocations]
}

// shards divide the revoked families, so that one more copies only few.
const shards = 256

// revocations are the families that have ended, and until when a token of theirs could live. A map never changes.
type revocations map[string]time.Time

// pruneBatch is how many families one transaction removes.
const pruneBatch = 1000

// OpenFamilies reads the revoked families of a store. It blocks for as long as the store takes. now is the clock,
// time.Now but in tests.
func OpenFamilies(ctx context.Context, store FamilyStore, now func() time.Time) (*Families, error) {
	f := &Families{store: store, now: now}
	for i := range f.revoked {
		f.revoked[i].Store(&revocations{})
	}
	if err := f.Refresh(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// Refresh reads the revoked families of the store again, for a store that other processes write to. A family that this
// process has seen revoked stays so.
func (f *Families) Refresh(ctx context.Context) error {
	ended, err := f.store.RevokedFamilies(ctx)
	if err != nil {
		return failed("reading the revoked token families", err)
	}
	for _, family := range ended {
		f.refuse(family.ID, family.KeepUntil())
	}
	return nil
}

// Refuse makes Revoked true of a family that another process has revoked.
func (f *Families) Refuse(id string) {
	if id != "" {
		f.refuse(id, f.now().Add(MaxAccessTTL+MaxLeeway)) // longer than any token
	}
}

// Begin makes the first pair of a new family, which is on disk when Begin returns. It fails when the subject cannot be
// written into a token, and with dataapi.CodeOverloaded when the store fails.
func (f *Families) Begin(ctx context.Context, authority *Authority, subject Subject) (Pair, error) {
	pair, err := authority.Mint(subject, "")
	if err != nil {
		return Pair{}, err
	}
	if err := f.store.CreateFamily(ctx, familyOf(pair)); err != nil {
		return Pair{}, failed("keeping a token family", err)
	}
	return pair, nil
}

// Rotate exchanges a refresh token, which authority has verified, for the next pair of its family. The exchange is on
// disk when Rotate returns. The token that was exchanged last gives the same pair again for [RefreshGrace], with
// repeated; any older one, or one that comes later, ends the family and is [ErrReused]. That, [ErrRevoked] and
// [ErrUnknownFamily] are causes of one dataapi.CodeUnauthenticated; a store that fails is dataapi.CodeOverloaded.
func (f *Families) Rotate(ctx context.Context, authority *Authority, presented Claims) (pair Pair, again bool, err error) {
	next, err := authority.Mint(presented.Subject, presented.Family)
	if err != nil {
		return Pair{}, false, err
	}
	now := f.now()
	var outcome exchange
	family, err := f.store.ChangeFamily(ctx, presented.Family, func(family *Family) (altered bool) {
		outcome, altered = family.present(presented.ID, familyOf(next), now)
		return altered
	})
	if outcome == reused { // also when the store could not keep it
		f.refuseAfter(family, presented.Family, now, err)
	}
	switch {
	case errors.Is(err, ErrFamilyNotFound):
		return Pair{}, false, unauthenticated(ErrUnknownFamily)
	case err != nil:
		return Pair{}, false, failed("exchanging a refresh token", err)
	case outcome == rotated:
		return next, false, nil
	case outcome == repeated:
		pair, err = authority.remint(family)
		return pair, true, err
	case outcome == reused:
		return Pair{}, false, unauthenticated(ErrReused)
	}
	return Pair{}, false, unauthenticated(ErrRevoked)
}

// End revokes a family: when it returns, no token of it is accepted. A family that has ended, or is not stored, stays as it
// is; ended says whether this call has ended it. When the store fails, the family is refused all the same until this process ends, and the error is
// dataapi.CodeOverloaded.
func (f *Families) End(ctx context.Context, id string) (ended bool, err error) {
	now := f.now()
	family, err := f.store.ChangeFamily(ctx, id, func(family *Family) bool {
		ended = family.RevokedAt.IsZero()
		if ended {
			family.RevokedAt = now
		}
		return ended
	})
	f.refuseAfter(family, id, now, err)
	if err != nil && !errors.Is(err, ErrFamilyNotFound) {
		return false, failed("revoking a token family", err)
	}
	return ended && err == nil, nil
}

// Revoked reports whether a family has ended. It is meant for every request: it takes no lock, does no I/O and does not
// allocate. No family, the empty text, is not revoked.
func (f *Families) Revoked(id string) bool {
	if id == "" {
		return false
	}
	_, ended := (*f.shard(id).Load())[id]
	return ended
}

// shard is where a family is kept. Its id is random, so that any of its characters will do.
func (f *Families) shard(id string) *atomic.Pointer[revocations] {
	return &f.revoked[(uint(id[0])*31+uint(id[len(id)-1]))%shards]
}

// refuseAfter makes Revoked true of a family that was to be revoked in the store, whatever came of that.
func (f *Families) refuseAfter(kept Family, id string, now time.Time, err error) {
	if err != nil {
		f.refuse(id, now.Add(MaxAccessTTL+MaxLeeway)) // longer than any token
		return
	}
	f.refuse(id, kept.KeepUntil())
}

// refuse makes Revoked true of a family until a time at which no token of it lives any more.
func (f *Families) refuse(id string, until time.Time) {
	f.writing.Lock()
	defer f.writing.Unlock()
	shard := f.shard(id)
	next := maps.Clone(*shard.Load())
	next[id] = until
	shard.Store(&next)
}

// Prune forgets families of which no token lives any more. It is to be called now and then, such as once a minute.
func (f *Families) Prune(ctx context.Context) error {
	now := f.now()
	f.forget(now)
	for more := true; more; {
		var err error
		if more, err = f.store.PruneFamilies(ctx, now, pruneBatch); err != nil {
			return failed("removing token families that have expired", err)
		}
	}
	return nil
}

func (f *Families) forget(now time.Time) {
	f.writing.Lock()
	defer f.writing.Unlock()
	for i := range f.revoked {
		kept := maps.Clone(*f.revoked[i].Load())
		before := len(kept)
		maps.DeleteFunc(kept, func(_ string, until time.Time) bool { return !now.Before(until) })
		if len(kept) < before {
			f.revoked[i].Store(&kept)
		}
	}
}
