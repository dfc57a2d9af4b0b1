package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/identity"
)

// KeyStore tests an implementation of [identity.KeyStore]. open returns an empty store, and a function that closes it and
// opens it again as a restarted process would.
func KeyStore(t *testing.T, open func(t *testing.T) (store identity.KeyStore, reopen func() identity.KeyStore)) {
	t.Helper()
	for name, test := range map[string]func(keyStoreTest){
		"a key comes back as it was":                   keyStoreTest.comesBack,
		"an id is taken once":                          keyStoreTest.idIsTakenOnce,
		"a missing key is said to be missing":          keyStoreTest.isMissing,
		"a list is one company's, oldest first":        keyStoreTest.listIsOrdered,
		"revoking is final and keeps the first time":   keyStoreTest.revokedOnce,
		"a revocation changes nothing else":            keyStoreTest.revokedAlone,
		"writes survive a restart":                     keyStoreTest.writesSurviveRestart,
		"one of many creators of an id wins":           keyStoreTest.createdConcurrently,
		"one of many revocations sets the time":        keyStoreTest.revokedConcurrently,
		"a successor comes with its key's end":         keyStoreTest.replaced,
		"a replacement that cannot be changes nothing": keyStoreTest.notReplaced,
		"the last use only moves forward":              keyStoreTest.touched,
		"a context that has ended changes nothing":     keyStoreTest.contextEnded,
	} {
		t.Run(name, func(t *testing.T) {
			store, reopen := open(t)
			test(keyStoreTest{t, store, reopen})
		})
	}
}

// keyStoreTest is one test's store.
type keyStoreTest struct {
	*testing.T
	store  identity.KeyStore
	reopen func() identity.KeyStore
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

func (t keyStoreTest) create(keys ...identity.Key) {
	t.Helper()
	for _, key := range keys {
		if err := t.store.CreateKey(t.Context(), key); err != nil {
			t.Fatalf("CreateKey(%s): %v", key.ID, err)
		}
	}
}

func (t keyStoreTest) wantKey(want identity.Key) {
	t.Helper()
	keys, err := t.store.ListKeys(t.Context(), want.Company)
	i := slices.IndexFunc(keys, func(key identity.Key) bool { return key.ID == want.ID })
	if err != nil || i < 0 {
		t.Fatalf("ListKeys(%s): %+v, %v; it lacks %s", want.Company, keys, err, want.ID)
	}
	if !reflect.DeepEqual(keys[i], want) {
		t.Fatalf("key %s\n got %+v\nwant %+v", want.ID, keys[i], want)
	}
}

func (t keyStoreTest) wantList(company string, want ...identity.Key) {
	t.Helper()
	got, err := t.store.ListKeys(t.Context(), company)
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

func (t keyStoreTest) comesBack() {
	full := newKey("s42_full", "acme", 0)
	full.RevokedAt = keyEpoch.Add(time.Minute)
	bare := newKey("s42_bare", "acme", time.Second)
	bare.Name, bare.ExpiresAt = "", time.Time{}
	t.create(full, bare)
	t.wantKey(full)
	t.wantKey(bare)

	// What is kept is UTC to the microsecond, whatever came in.
	elsewhere := newKey("s42_elsewhere", "acme", 0)
	elsewhere.CreatedAt = keyEpoch.Add(789 * time.Nanosecond).In(time.FixedZone("BRT", -3*3600))
	t.create(elsewhere)
	elsewhere.CreatedAt = keyEpoch
	t.wantKey(elsewhere)
}

func (t keyStoreTest) idIsTakenOnce() {
	first, second := newKey("s42_same", "acme", 0), newKey("s42_same", "globex", 0)
	t.create(first)
	if err := t.store.CreateKey(t.Context(), second); !errors.Is(err, identity.ErrKeyExists) {
		t.Fatalf("creating an id again: %v", err)
	}
	t.wantKey(first)
	t.wantList("globex")
	if _, err := t.store.RevokeKey(t.Context(), first.ID, keyEpoch); err != nil {
		t.Fatal(err)
	}
	if err := t.store.CreateKey(t.Context(), second); !errors.Is(err, identity.ErrKeyExists) {
		t.Fatalf("creating the id of a revoked key: %v", err)
	}
}

func (t keyStoreTest) isMissing() {
	t.create(newKey("s42_there", "acme", 0))
	for _, id := range []string{"s42_absent", "s42_ther", "s42_there ", "S42_THERE", "s42_there\x00"} {
		if _, err := t.store.RevokeKey(t.Context(), id, keyEpoch); !errors.Is(err, identity.ErrKeyNotFound) {
			t.Errorf("RevokeKey(%q): %v", id, err)
		}
	}
	t.wantList("nobody")
}

func (t keyStoreTest) listIsOrdered() {
	t.wantList("")
	old, twinA, twinB := newKey("s42_z", "acme", time.Hour), newKey("s42_a", "acme", 0), newKey("s42_b", "acme", 0)
	foreign := newKey("s42_f", "globex", time.Minute)
	prefix := newKey("s42_p", "acme-2", 2*time.Hour)
	t.create(twinB, foreign, old, prefix, twinA)
	t.wantList("acme", old, twinA, twinB)
	t.wantList("globex", foreign)
	t.wantList("", prefix, old, foreign, twinA, twinB)
}

func (t keyStoreTest) revokedOnce() {
	key := newKey("s42_k", "acme", 0)
	t.create(key)
	key.RevokedAt = keyEpoch.Add(time.Minute)
	for i := range 3 {
		got, err := t.store.RevokeKey(t.Context(), key.ID, key.RevokedAt.Add(time.Duration(i)*time.Hour))
		if err != nil || !reflect.DeepEqual(got, key) {
			t.Fatalf("revocation %d: %+v, %v; want %+v", i, got, err, key)
		}
		t.wantKey(key)
	}
	t.wantList("acme", key)
}

func (t keyStoreTest) revokedAlone() {
	kept, ended := newKey("s42_kept", "acme", 0), newKey("s42_ended", "acme", time.Second)
	t.create(kept, ended)
	if _, err := t.store.RevokeKey(t.Context(), ended.ID, keyEpoch); err != nil {
		t.Fatal(err)
	}
	t.wantKey(kept)
}

func (t keyStoreTest) replace(id string, expires time.Time, successor identity.Key) identity.Key {
	t.Helper()
	old, err := t.store.ReplaceKey(t.Context(), id, expires, successor)
	if err != nil {
		t.Fatal(err)
	}
	return old
}

func (t keyStoreTest) replaced() {
	forever, soon := newKey("s42_forever", "acme", 2*time.Second), newKey("s42_soon", "acme", time.Second)
	forever.ExpiresAt = time.Time{}
	t.create(forever, soon)
	a, b := newKey("s42_a", "acme", 0), newKey("s42_b", "acme", 0)
	forever.ExpiresAt, forever.Successor, soon.Successor = keyEpoch.Add(24*time.Hour), a.ID, b.ID
	if old := t.replace(forever.ID, forever.ExpiresAt, a); !reflect.DeepEqual(old, forever) {
		t.Errorf("the old key is %+v, want %+v", old, forever)
	}
	if old := t.replace(soon.ID, keyEpoch.Add(24*time.Hour), b); !reflect.DeepEqual(old, soon) {
		t.Errorf("a key that expires earlier is %+v, want %+v", old, soon)
	}
	t.store = t.reopen()
	t.wantList("acme", forever, soon, a, b)
}

func (t keyStoreTest) notReplaced() {
	key, other := newKey("s42_k", "acme", time.Second), newKey("s42_o", "acme", 0)
	t.create(key, other)
	if _, err := t.store.ReplaceKey(t.Context(), "s42_none", keyEpoch, newKey("s42_new", "acme", 0)); !errors.Is(err, identity.ErrKeyNotFound) {
		t.Errorf("of no key: %v", err)
	}
	if _, err := t.store.ReplaceKey(t.Context(), key.ID, keyEpoch, other); !errors.Is(err, identity.ErrKeyExists) {
		t.Errorf("by a key that exists: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := t.store.ReplaceKey(ended, key.ID, keyEpoch, newKey("s42_new", "acme", 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	t.wantList("acme", key, other)
}

func (t keyStoreTest) touched() {
	key, idle := newKey("s42_k", "acme", time.Second), newKey("s42_idle", "acme", 0)
	t.create(key, idle)
	for _, minute := range []int{5, 3, 7, 6} {
		at := keyEpoch.Truncate(time.Minute).Add(time.Duration(minute) * time.Minute)
		err := t.store.TouchKeys(t.Context(), map[string]time.Time{key.ID: at, "s42_none": keyEpoch})
		if err != nil {
			t.Fatal(err)
		}
	}
	key.LastUsedAt = keyEpoch.Truncate(time.Minute).Add(7 * time.Minute)
	t.store = t.reopen()
	t.wantList("acme", key, idle)
	t.wantKey(key)
	revoked, err := t.store.RevokeKey(t.Context(), key.ID, keyEpoch)
	if key.RevokedAt = keyEpoch; err != nil || !reflect.DeepEqual(revoked, key) {
		t.Errorf("revoked: %+v, %v; want %+v", revoked, err, key)
	}
}

func (t keyStoreTest) writesSurviveRestart() {
	kept, ended := newKey("s42_kept", "acme", 0), newKey("s42_ended", "acme", time.Second)
	t.create(kept, ended)
	ended.RevokedAt = keyEpoch
	if _, err := t.store.RevokeKey(t.Context(), ended.ID, keyEpoch); err != nil {
		t.Fatal(err)
	}
	t.store = t.reopen()
	t.wantList("acme", ended, kept)
}

func (t keyStoreTest) createdConcurrently() {
	const creators = 16
	keys := make([]identity.Key, creators)
	errs := make([]error, creators)
	var group sync.WaitGroup
	for i := range creators {
		keys[i] = newKey("s42_race", fmt.Sprintf("company-%d", i), 0)
		group.Go(func() { errs[i] = t.store.CreateKey(t.Context(), keys[i]) })
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
	t.wantKey(keys[winner])
}

func (t keyStoreTest) revokedConcurrently() {
	key := newKey("s42_k", "acme", 0)
	t.create(key)
	const revokers = 16
	seen := make([]time.Time, revokers)
	var group sync.WaitGroup
	for i := range revokers {
		group.Go(func() {
			got, err := t.store.RevokeKey(t.Context(), key.ID, keyEpoch.Add(time.Duration(i)*time.Second))
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
	t.wantKey(key)
}

func (t keyStoreTest) contextEnded() {
	key := newKey("s42_k", "acme", 0)
	t.create(key)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := t.store.CreateKey(ended, newKey("s42_new", "acme", 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("CreateKey: %v", err)
	}
	if _, err := t.store.RevokeKey(ended, key.ID, keyEpoch); !errors.Is(err, context.Canceled) {
		t.Errorf("RevokeKey: %v", err)
	}
	if _, err := t.store.ListKeys(ended, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("ListKeys: %v", err)
	}
	t.wantList("", key)
}
