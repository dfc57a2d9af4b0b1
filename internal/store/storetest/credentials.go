package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/identity"
)

// KeyStore tests an implementation of [identity.KeyStore]. open returns an empty store, and reopen, which makes the same
// store again as a restarted process would see it, after closing it.
func KeyStore(t *testing.T, open func(t *testing.T) (store identity.KeyStore, reopen func() identity.KeyStore)) {
	cases := []struct {
		name string
		test func(t *testing.T, store identity.KeyStore, reopen func() identity.KeyStore)
	}{
		{"a key comes back as it was", keyComesBack},
		{"an id is taken once", keyIDIsTakenOnce},
		{"a missing key is said to be missing", keyIsMissing},
		{"a list is one company's, oldest first", keyListIsOrdered},
		{"revoking is final and keeps the first time", keyRevokedOnce},
		{"a revocation changes nothing else", keyRevokedAlone},
		{"writes survive a restart", keysSurviveRestart},
		{"one of many creators of an id wins", keyCreatedConcurrently},
		{"one of many revocations sets the time", keyRevokedConcurrently},
		{"a context that has ended changes nothing", keyContextEnded},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, reopen := open(t)
			c.test(t, store, reopen)
		})
	}
}

var keyEpoch = time.Date(2026, 4, 11, 10, 30, 0, 123456000, time.UTC)

// newKey makes a key that differs from every other one in all that is secret.
func newKey(id, company string, age time.Duration) identity.Key {
	key := identity.Key{
		ID: id, Company: company, User: "integration", Name: "nightly load – São Paulo \"1\"\\",
		CreatedAt: keyEpoch.Add(-age), ExpiresAt: keyEpoch.Add(time.Hour),
	}
	rand.Read(key.SecretMAC[:])
	return key
}

func mustCreate(t *testing.T, store identity.KeyStore, keys ...identity.Key) {
	t.Helper()
	for _, key := range keys {
		if err := store.CreateKey(t.Context(), key); err != nil {
			t.Fatalf("CreateKey(%s): %v", key.ID, err)
		}
	}
}

func wantKey(t *testing.T, store identity.KeyStore, want identity.Key) {
	t.Helper()
	got, err := store.GetKey(t.Context(), want.ID)
	if err != nil {
		t.Fatalf("GetKey(%s): %v", want.ID, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("GetKey(%s)\n got %+v\nwant %+v", want.ID, got, want)
	}
}

func wantList(t *testing.T, store identity.KeyStore, company string, want ...identity.Key) {
	t.Helper()
	got, err := store.ListKeys(t.Context(), company)
	if err != nil {
		t.Fatalf("ListKeys(%q): %v", company, err)
	}
	if got == nil {
		t.Fatalf("ListKeys(%q) is nil; an empty list is wanted", company)
	}
	if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Fatalf("ListKeys(%q)\n got %+v\nwant %+v", company, got, want)
	}
}

func keyComesBack(t *testing.T, store identity.KeyStore, _ func() identity.KeyStore) {
	full := newKey("s42_full", "acme", 0)
	full.RevokedAt = keyEpoch.Add(time.Minute)
	bare := newKey("s42_bare", "acme", time.Second)
	bare.Name, bare.ExpiresAt = "", time.Time{}
	mustCreate(t, store, full, bare)
	wantKey(t, store, full)
	wantKey(t, store, bare)

	// What is kept is UTC to the microsecond, whatever came in.
	elsewhere := newKey("s42_elsewhere", "acme", 0)
	elsewhere.CreatedAt = keyEpoch.Add(789 * time.Nanosecond).In(time.FixedZone("BRT", -3*3600))
	mustCreate(t, store, elsewhere)
	elsewhere.CreatedAt = keyEpoch
	wantKey(t, store, elsewhere)
}

func keyIDIsTakenOnce(t *testing.T, store identity.KeyStore, _ func() identity.KeyStore) {
	first, second := newKey("s42_same", "acme", 0), newKey("s42_same", "globex", 0)
	mustCreate(t, store, first)
	if err := store.CreateKey(t.Context(), second); !errors.Is(err, identity.ErrKeyExists) {
		t.Fatalf("creating an id again: %v", err)
	}
	wantKey(t, store, first)
	wantList(t, store, "globex")
	if _, err := store.RevokeKey(t.Context(), first.ID, keyEpoch); err != nil {
		t.Fatal(err)
	}
	if err := store.CreateKey(t.Context(), second); !errors.Is(err, identity.ErrKeyExists) {
		t.Fatalf("creating the id of a revoked key: %v", err)
	}
}

func keyIsMissing(t *testing.T, store identity.KeyStore, _ func() identity.KeyStore) {
	mustCreate(t, store, newKey("s42_there", "acme", 0))
	for _, id := range []string{"s42_absent", "s42_ther", "s42_there ", "S42_THERE", "s42_there\x00"} {
		if _, err := store.GetKey(t.Context(), id); !errors.Is(err, identity.ErrKeyNotFound) {
			t.Errorf("GetKey(%q): %v", id, err)
		}
		if _, err := store.RevokeKey(t.Context(), id, keyEpoch); !errors.Is(err, identity.ErrKeyNotFound) {
			t.Errorf("RevokeKey(%q): %v", id, err)
		}
	}
	wantList(t, store, "nobody")
}

func keyListIsOrdered(t *testing.T, store identity.KeyStore, _ func() identity.KeyStore) {
	wantList(t, store, "")
	old, twinA, twinB := newKey("s42_z", "acme", time.Hour), newKey("s42_a", "acme", 0), newKey("s42_b", "acme", 0)
	foreign := newKey("s42_f", "globex", time.Minute)
	prefix := newKey("s42_p", "acme-2", 2*time.Hour)
	mustCreate(t, store, twinB, foreign, old, prefix, twinA)
	wantList(t, store, "acme", old, twinA, twinB)
	wantList(t, store, "globex", foreign)
	wantList(t, store, "", prefix, old, foreign, twinA, twinB)
}

func keyRevokedOnce(t *testing.T, store identity.KeyStore, _ func() identity.KeyStore) {
	key := newKey("s42_k", "acme", 0)
	mustCreate(t, store, key)
	key.RevokedAt = keyEpoch.Add(time.Minute)
	for i := range 3 {
		got, err := store.RevokeKey(t.Context(), key.ID, key.RevokedAt.Add(time.Duration(i)*time.Hour))
		if err != nil || !reflect.DeepEqual(got, key) {
			t.Fatalf("revocation %d: %+v, %v; want %+v", i, got, err, key)
		}
		wantKey(t, store, key)
	}
	wantList(t, store, "acme", key)
}

func keyRevokedAlone(t *testing.T, store identity.KeyStore, _ func() identity.KeyStore) {
	kept, ended := newKey("s42_kept", "acme", 0), newKey("s42_ended", "acme", time.Second)
	mustCreate(t, store, kept, ended)
	if _, err := store.RevokeKey(t.Context(), ended.ID, keyEpoch); err != nil {
		t.Fatal(err)
	}
	wantKey(t, store, kept)
}

func keysSurviveRestart(t *testing.T, store identity.KeyStore, reopen func() identity.KeyStore) {
	kept, ended := newKey("s42_kept", "acme", 0), newKey("s42_ended", "acme", time.Second)
	mustCreate(t, store, kept, ended)
	ended.RevokedAt = keyEpoch
	if _, err := store.RevokeKey(t.Context(), ended.ID, keyEpoch); err != nil {
		t.Fatal(err)
	}
	wantList(t, reopen(), "acme", ended, kept)
}

func keyCreatedConcurrently(t *testing.T, store identity.KeyStore, _ func() identity.KeyStore) {
	const creators = 16
	keys := make([]identity.Key, creators)
	errs := make([]error, creators)
	var group sync.WaitGroup
	for i := range creators {
		keys[i] = newKey("s42_race", fmt.Sprintf("company-%d", i), 0)
		group.Go(func() { errs[i] = store.CreateKey(context.Background(), keys[i]) })
	}
	group.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("creators %d and %d both have the id", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, identity.ErrKeyExists):
			t.Fatal(err)
		}
	}
	if winner < 0 {
		t.Fatal("no creator has the id")
	}
	wantKey(t, store, keys[winner])
}

func keyRevokedConcurrently(t *testing.T, store identity.KeyStore, _ func() identity.KeyStore) {
	key := newKey("s42_k", "acme", 0)
	mustCreate(t, store, key)
	const revokers = 16
	seen := make([]time.Time, revokers)
	var group sync.WaitGroup
	for i := range revokers {
		group.Go(func() {
			got, err := store.RevokeKey(context.Background(), key.ID, keyEpoch.Add(time.Duration(i)*time.Second))
			if err != nil {
				t.Error(err)
			}
			seen[i] = got.RevokedAt
		})
	}
	group.Wait()
	key.RevokedAt = seen[0]
	for _, at := range seen {
		if !at.Equal(seen[0]) || at.IsZero() {
			t.Fatalf("revokers saw different times: %v", seen)
		}
	}
	wantKey(t, store, key)
}

func keyContextEnded(t *testing.T, store identity.KeyStore, _ func() identity.KeyStore) {
	key := newKey("s42_k", "acme", 0)
	mustCreate(t, store, key)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.CreateKey(ended, newKey("s42_new", "acme", 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("CreateKey: %v", err)
	}
	if _, err := store.RevokeKey(ended, key.ID, keyEpoch); !errors.Is(err, context.Canceled) {
		t.Errorf("RevokeKey: %v", err)
	}
	if _, err := store.GetKey(ended, key.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("GetKey: %v", err)
	}
	if _, err := store.ListKeys(ended, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("ListKeys: %v", err)
	}
	wantList(t, store, "", key)
}
