package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/token"
)

var (
	// familyBucket holds the token families: by ID, as JSON of familyRecord.
	familyBucket = layout.Bucket("token_families", boltfile.Named("token family"))
	// familyExpiryBucket holds the IDs of families by the time until which they are kept, and ID.
	familyExpiryBucket = layout.Index("token_families_expiry", boltfile.Named("the expiry of a token family"))
	// revokedFamilyBucket holds the IDs of revoked families.
	revokedFamilyBucket = layout.Index("token_families_revoked", boltfile.Named("the revocation of token family"))
)

var _ token.FamilyStore = (*Store)(nil)

// familyRecord is how a token family lies in the file. It holds the identifiers of tokens, and none of their signatures:
// no token can be made of it.
type familyRecord struct {
	Company     string    `json:"company"`
	User        string    `json:"user"`
	KeyID       string    `json:"key_id"`
	AccessID    string    `json:"access"`
	RefreshID   string    `json:"refresh"`
	IssuedAt    time.Time `json:"issued_at"`
	Previous    string    `json:"previous,omitzero"`
	RotatedAt   time.Time `json:"rotated_at"`
	CreatedAt   time.Time `json:"created_at"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
	ExpiresAt   time.Time `json:"expires_at"`
	AccessUntil time.Time `json:"access_until"`
}

// CreateFamily implements [token.FamilyStore].
func (s *Store) CreateFamily(ctx context.Context, family token.Family) error {
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		if in(tx, familyBucket).Has([]byte(family.ID)) {
			return boltfile.Refuse(fmt.Errorf("%w: %s", token.ErrFamilyExists, family.ID))
		}
		return putFamily(tx, family)
	})
}

// ChangeFamily implements [token.FamilyStore].
func (s *Store) ChangeFamily(
	ctx context.Context, id string, change func(*token.Family) bool,
) (family token.Family, err error) {
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		var err error
		if family, err = readFamily(tx, id); err != nil {
			return boltfile.Refuse(err)
		}
		before := family
		if !change(&family) {
			family = before
			return nil
		}
		family.ID = id
		if err := removeFamily(tx, before); err != nil {
			return err
		}
		if err := putFamily(tx, family); err != nil {
			return err
		}
		family, err = readFamily(tx, id) // with the times as they are stored
		return err
	})
	if err != nil {
		return token.Family{}, err
	}
	return family, nil
}

// RevokedFamilies implements [token.FamilyStore].
func (s *Store) RevokedFamilies(ctx context.Context) (revoked []token.Family, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.View(func(tx *bbolt.Tx) error {
		revoked = nil
		return in(tx, revokedFamilyBucket).ForEach(func(id, _ []byte) error {
			family, err := readFamily(tx, string(id))
			if unreadable(err) {
				s.reportUnreadable(familyBucket, id, err) // it has ended all the same: what is not known is until when a token of it lives
				family, err = token.Family{ID: string(id), AccessUntil: time.Now().Add(token.MaxAccessTTL)}, nil
			}
			revoked = append(revoked, family)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return revoked, nil
}

// PruneFamilies implements [token.FamilyStore].
func (s *Store) PruneFamilies(ctx context.Context, now time.Time, limit int) (more bool, err error) {
	due := false // looking first spares a commit when there is nothing to do
	err = s.View(func(tx *bbolt.Tx) error {
		key := in(tx, familyExpiryBucket).First()
		due = key != nil && bytes.Compare(key, expiryKey(now, "\xff")) <= 0
		return nil
	})
	if err != nil || !due {
		return false, err
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		more = false
		for range limit {
			key := in(tx, familyExpiryBucket).First()
			if key == nil || bytes.Compare(key, expiryKey(now, "\xff")) > 0 {
				return nil
			}
			family, err := readFamily(tx, string(key[expiryKeyTime:]))
			if unreadable(err) {
				s.reportUnreadable(familyBucket, key[expiryKeyTime:], err)
				if err := removeFamilyEntry(tx, bytes.Clone(key)); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return err
			}
			if err := removeFamily(tx, family); err != nil {
				return err
			}
		}
		more = true
		return nil
	})
	return more, err
}

// putFamily writes a family that is not there.
func putFamily(tx *bbolt.Tx, family token.Family) error {
	record, err := jsonv2.Marshal(familyRecord{
		Company: family.Company, User: family.User, KeyID: family.KeyID,
		AccessID: family.Current.AccessID, RefreshID: family.Current.RefreshID, IssuedAt: dataapi.StoredTime(family.Current.IssuedAt),
		Previous: family.Previous, RotatedAt: dataapi.StoredTime(family.RotatedAt), CreatedAt: dataapi.StoredTime(family.CreatedAt),
		RevokedAt: dataapi.StoredTime(family.RevokedAt), ExpiresAt: dataapi.StoredTime(family.ExpiresAt),
		AccessUntil: dataapi.StoredTime(family.AccessUntil),
	})
	if err != nil {
		return fmt.Errorf("token family %q: %w", family.ID, err)
	}
	id := []byte(family.ID)
	if !family.RevokedAt.IsZero() {
		if err := in(tx, revokedFamilyBucket).Put(id, nil); err != nil {
			return err
		}
	}
	if err := in(tx, familyExpiryBucket).Put(expiryKey(keptUntil(family), family.ID), nil); err != nil {
		return err
	}
	return in(tx, familyBucket).Put(id, record)
}

// removeFamily removes a family, which must be as it is stored.
func removeFamily(tx *bbolt.Tx, family token.Family) error {
	return removeFamilyEntry(tx, expiryKey(keptUntil(family), family.ID))
}

// removeFamilyEntry removes a family by its entry among those that expire, which is all that is known of a damaged one.
func removeFamilyEntry(tx *bbolt.Tx, expiry []byte) error {
	id := expiry[expiryKeyTime:]
	for _, bucket := range [][]byte{revokedFamilyBucket, familyBucket} {
		if err := in(tx, bucket).Delete(id); err != nil {
			return err
		}
	}
	return in(tx, familyExpiryBucket).Delete(expiry)
}

// readFamily refuses a record that it does not understand in full: a family that is half read might be one that is not
// revoked any more.
func readFamily(tx *bbolt.Tx, id string) (token.Family, error) {
	stored, err := in(tx, familyBucket).Get([]byte(id))
	if err != nil {
		return token.Family{}, err
	}
	if stored == nil {
		return token.Family{}, fmt.Errorf("%w: %q", token.ErrFamilyNotFound, id)
	}
	var record familyRecord
	if err := jsonv2.Unmarshal(stored, &record, jsonv2.RejectUnknownMembers(true)); err != nil {
		return token.Family{}, layout.Damaged(familyBucket, []byte(id), err.Error())
	}
	return token.Family{
		ID: id, Subject: token.Subject{Company: record.Company, User: record.User, KeyID: record.KeyID},
		Current:  token.Link{AccessID: record.AccessID, RefreshID: record.RefreshID, IssuedAt: record.IssuedAt},
		Previous: record.Previous, RotatedAt: record.RotatedAt, CreatedAt: record.CreatedAt,
		RevokedAt: record.RevokedAt, ExpiresAt: record.ExpiresAt, AccessUntil: record.AccessUntil,
	}, nil
}

// keptUntil is KeepUntil of the family as it is stored, so that its key can be found again.
func keptUntil(family token.Family) time.Time {
	family.RevokedAt = dataapi.StoredTime(family.RevokedAt)
	family.ExpiresAt, family.AccessUntil = dataapi.StoredTime(family.ExpiresAt), dataapi.StoredTime(family.AccessUntil)
	return family.KeepUntil()
}

// expiryKeyTime is the length of the time at the beginning of an expiryKey.
const expiryKeyTime = len("2006-01-02T15:04:05.000000")

// expiryKey sorts by time, and by ID among the families of one instant.
func expiryKey(at time.Time, id string) []byte {
	return append(at.UTC().AppendFormat(make([]byte, 0, expiryKeyTime+len(id)), "2006-01-02T15:04:05.000000"), id...)
}
