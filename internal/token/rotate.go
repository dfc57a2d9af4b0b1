package token

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// KeyState is where a key is in its life.
type KeyState string

// The states of a key of the ring.
const (
	KeyPublished KeyState = "published" // verifies, and signs later
	KeySigning   KeyState = "signing"   // signs and verifies
	KeyVerifying KeyState = "verifying" // verifies the tokens that it has signed, until the last has expired
)

// KeyInfo describes a key of the ring, without its secret.
type KeyInfo struct {
	ID            string    `json:"kid"`
	Algorithm     string    `json:"algorithm"`
	State         KeyState  `json:"state"`
	PublishedAt   time.Time `json:"published_at,omitzero"`
	SignsFrom     time.Time `json:"signs_from,omitzero"`
	VerifiesUntil time.Time `json:"verifies_until,omitzero"` // zero: no other key is to follow it
}

// List describes the ring's keys, the newest first. A ring of configured keys lists those.
func (r *KeyRing) List() []KeyInfo {
	set, now := r.set.Load(), r.now()
	infos := make([]KeyInfo, 0, len(set.keys))
	for i := len(set.keys) - 1; i >= 0; i-- {
		if !set.keys[i].ended(now) {
			infos = append(infos, set.describe(&set.keys[i], now))
		}
	}
	return infos
}

func (s *keySet) describe(key *heldKey, now time.Time) KeyInfo {
	info := KeyInfo{
		ID: key.id, Algorithm: key.Algorithm(), State: KeyVerifying,
		PublishedAt: key.publishedAt, SignsFrom: key.signsFrom, VerifiesUntil: key.verifiesUntil,
	}
	switch {
	case s.signing(now) == key:
		info.State = KeySigning
	case key.signsFrom.After(now):
		info.State = KeyPublished
	}
	return info
}

// Prepare makes the ring ready for a configuration that signs with an algorithm, EdDSA or ES256, tokens of at most the
// life longest. It makes the first key of a new store. When the newest key is of the other algorithm it makes one of
// this, which is published now and signs later, as [KeyRing.Rotate] does. It writes only what is missing, and blocks for
// as long as the store takes then.
func (r *KeyRing) Prepare(ctx context.Context, algorithm string, longest time.Duration) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.set.Load().serves(algorithm, longest, r.now()) {
		return nil
	}
	private, err := generate(algorithm)
	if err != nil {
		return err
	}
	err = r.apply(ctx, func(records []KeyRecord, now time.Time) ([]KeyRecord, error) {
		if newest := last(records); newest != nil && newest.Algorithm != algorithm && newest.SignsFrom.After(now) {
			records = withdrawn(records, len(records)-1, now)
		}
		var err error
		if newest := last(records); newest == nil || newest.Algorithm != algorithm {
			records, err = follow(records, algorithm, private, now, PublishLead)
		}
		for i := range records {
			if !records[i].superseded(now) {
				records[i].LongestToken = max(records[i].LongestToken, longest)
			}
		}
		return records, err
	})
	if err != nil {
		return fmt.Errorf("preparing the token keys: %w", err)
	}
	return nil
}

// serves reports whether the set needs no change for a configuration.
func (s *keySet) serves(algorithm string, longest time.Duration, now time.Time) bool {
	if len(s.keys) == 0 || s.keys[len(s.keys)-1].Algorithm() != algorithm {
		return false
	}
	for i := range s.keys {
		key := &s.keys[i]
		if (key.signsUntil.IsZero() || key.signsUntil.After(now)) && key.longestToken < longest {
			return false
		}
	}
	return true
}

// Rotate makes a new key. It is published at once and signs from [PublishLead] on, or, when atOnce, from now on: that
// is for a key that may have leaked, since others who verify tokens may not know the new key yet. The key that it follows
// verifies until the last token that it can have signed has expired.
//
// A key that is published already and does not sign yet is let sign by atOnce; without, Rotate refuses to make a second.
// Errors of package dataapi are for the operator; any other is the store's. It blocks for as long as the store takes.
func (r *KeyRing) Rotate(ctx context.Context, algorithm string, atOnce bool) (KeyInfo, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.store == nil {
		return KeyInfo{}, errConfigured
	}
	private, err := generate(algorithm)
	if err != nil {
		return KeyInfo{}, err
	}
	lead := PublishLead
	if atOnce {
		lead = 0
	}
	err = r.apply(ctx, func(records []KeyRecord, now time.Time) ([]KeyRecord, error) {
		newest := last(records)
		if newest == nil || !newest.SignsFrom.After(now) {
			return follow(records, algorithm, private, now, lead)
		}
		if !atOnce {
			return nil, dataapi.Errorf(dataapi.CodeInvalidRequest,
				"The key %s is published already and signs from %s on; --now lets it sign at once.",
				newest.ID, newest.SignsFrom.Format(time.RFC3339))
		}
		takeOver(records, now)
		return records, nil
	})
	if err != nil {
		return KeyInfo{}, err
	}
	set := r.set.Load()
	made := set.describe(&set.keys[len(set.keys)-1], r.now())
	r.log.Info("a new token key is published", slog.String("kid", made.ID), slog.Time("signs_from", made.SignsFrom))
	return made, nil
}

// Withdraw ends a key for good: when it returns, every token that the key has signed is refused. When the key signs, the
// one that is published takes over at once, or a new one of this algorithm is made, which signs at once. It returns the
// key that signs from now on. An unknown key is dataapi.CodeNotFound. When the store fails, the key is refused all the
// same until this process ends, and the error says that a restart may bring it back.
func (r *KeyRing) Withdraw(ctx context.Context, id, algorithm string) (signing KeyInfo, err error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.store == nil {
		return KeyInfo{}, errConfigured
	}
	private, err := generate(algorithm)
	if err != nil {
		return KeyInfo{}, err
	}
	if r.set.Load().byID[id] == nil && !r.refused[id] {
		return KeyInfo{}, dataapi.Errorf(dataapi.CodeNotFound, "There is no signing key %q.", id)
	}
	r.refuse(id)
	err = r.apply(ctx, func(records []KeyRecord, now time.Time) ([]KeyRecord, error) {
		return withSigner(records, algorithm, private, now, r.longest)
	})
	if err != nil {
		return KeyInfo{}, fmt.Errorf("the signing key is refused from now on, but keeping its withdrawal failed, "+
			"so that a restart may bring it back; withdraw it again: %w", err)
	}
	delete(r.refused, id)
	r.log.Warn("a token key is withdrawn: the tokens that it has signed are refused", slog.String("kid", id))
	set := r.set.Load()
	return set.describe(set.signing(r.now()), r.now()), nil
}

// withSigner makes sure that a key signs now.
func withSigner(
	records []KeyRecord, algorithm string, private []byte, now time.Time, longest time.Duration,
) ([]KeyRecord, error) {
	newest := len(records) - 1
	if newest < 0 || records[newest].superseded(now) {
		records, err := follow(records, algorithm, private, now, 0)
		if err == nil {
			last(records).LongestToken = longest
		}
		return records, err
	}
	if records[newest].SignsFrom.After(now) && (newest == 0 || records[newest-1].superseded(now)) {
		takeOver(records, now)
	}
	return records, nil
}

func last(records []KeyRecord) *KeyRecord {
	if len(records) == 0 {
		return nil
	}
	return &records[len(records)-1]
}

func (r KeyRecord) superseded(now time.Time) bool {
	return !r.SignsUntil.IsZero() && !r.SignsUntil.After(now)
}

// follow adds a key that is published now and signs after lead. The first key of a ring signs at once.
func follow(records []KeyRecord, algorithm string, private []byte, now time.Time, lead time.Duration) ([]KeyRecord, error) {
	if len(records) >= MaxKeys {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"The ring holds %d keys, the most that it may; withdraw one, or wait until the first ends.", len(records))
	}
	record, err := NewKeyRecord(algorithm, private, now)
	if err != nil {
		return nil, err
	}
	if newest := last(records); newest != nil {
		record.SignsFrom = record.SignsFrom.Add(lead)
		if !record.SignsFrom.After(newest.SignsFrom) {
			record.SignsFrom = newest.SignsFrom.Add(time.Microsecond) // the order of keys is that of these times
		}
		record.LongestToken = newest.LongestToken
		if newest.SignsUntil.IsZero() {
			newest.SignsUntil = record.SignsFrom
		}
	}
	return append(records, record), nil
}

// takeOver lets the newest key, which is published and does not sign yet, sign from now on.
func takeOver(records []KeyRecord, now time.Time) {
	newest := len(records) - 1
	records[newest].SignsFrom = now
	if newest > 0 && !records[newest-1].superseded(now) {
		records[newest-1].SignsUntil = now
	}
}

// withdrawn returns the records without one of them. A key that was to follow it, and now does not, leaves no trace.
func withdrawn(records []KeyRecord, at int, now time.Time) []KeyRecord {
	if at > 0 && at == len(records)-1 && !records[at-1].superseded(now) {
		records[at-1].SignsUntil = time.Time{}
	}
	return slices.Delete(records, at, at+1)
}
