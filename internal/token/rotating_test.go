package token

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// memoryStore keeps keys as package storetest demands; the stores themselves import this package. fail lets writes fail.
type memoryStore struct {
	mu      sync.Mutex
	records []KeyRecord
	writes  int
	fail    error
}

func (s *memoryStore) TokenKeys(context.Context) ([]KeyRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records), nil
}

func (s *memoryStore) UpdateTokenKeys(_ context.Context, change func([]KeyRecord) ([]KeyRecord, error)) ([]KeyRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	records, err := change(slices.Clone(s.records))
	if err = errors.Join(err, s.fail); err != nil {
		return nil, err
	}
	slices.SortStableFunc(records, func(a, b KeyRecord) int { return a.SignsFrom.Compare(b.SignsFrom) })
	s.records = records
	s.writes++
	return slices.Clone(records), nil
}

const testTTL = 7 * 24 * time.Hour

// rotating is a ring of a store, prepared for EdDSA, and an authority of it.
type rotating struct {
	*testing.T
	store     *memoryStore
	ring      *KeyRing
	now       *clock
	authority *Authority
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	r := &rotating{T: t, store: new(memoryStore), now: &clock{now: epoch}}
	r.open()
	config, _ := testConfig(r.ring)
	config.Now, config.RefreshTTL = r.now.Now, testTTL
	r.authority = mustNew(t, config)
	return r
}

func (r *rotating) open() {
	r.Helper()
	ring, err := OpenKeyRing(r.Context(), r.store, RingOptions{Now: r.now.Now})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(ring.Close)
	r.ring = ring
	r.prepare(EdDSA, testTTL)
}

func (r *rotating) prepare(algorithm string, longest time.Duration) {
	r.Helper()
	if err := r.ring.Prepare(r.Context(), algorithm, longest); err != nil {
		r.Fatal(err)
	}
}

func (r *rotating) rotate(atOnce bool) KeyInfo {
	r.Helper()
	made, err := r.ring.Rotate(r.Context(), EdDSA, atOnce)
	if err != nil {
		r.Fatal(err)
	}
	r.now.set(r.now.Now().Add(time.Millisecond))
	return made
}

func (r *rotating) withdraw(id string) KeyInfo {
	r.Helper()
	signing, err := r.ring.Withdraw(r.Context(), id, EdDSA)
	if err != nil {
		r.Fatal(err)
	}
	return signing
}

// signs returns the id of the key that signs now.
func (r *rotating) signs() string {
	r.Helper()
	key := r.ring.set.Load().signing(r.now.Now())
	if key == nil {
		r.Fatal("no key signs")
	}
	return key.id
}

// after moves the clock and lets the ring's alarm ring, as its timer would.
func (r *rotating) after(d time.Duration) {
	r.now.set(r.now.Now().Add(d))
	r.ring.wake()
}

func (r *rotating) accepts(text string, want bool) {
	r.Helper()
	claims, err := r.authority.VerifyAccess(text)
	if (err == nil) != want || err != nil && (!dataapi.HasCode(err, dataapi.CodeUnauthenticated) || claims != (Claims{})) {
		r.Errorf("accepted %v, want %v: %v", err == nil, want, err)
	}
}

func (r *rotating) states() string {
	var states []string
	for _, key := range r.ring.List() {
		states = append(states, string(key.State))
	}
	return strings.Join(states, " ")
}

func (r *rotating) wantStates(want string) {
	r.Helper()
	if got := r.states(); got != want {
		r.Errorf("the keys are %q, want %q", got, want)
	}
}
