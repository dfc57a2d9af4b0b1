package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/token"
)

// FamilyStore tests an implementation of [token.FamilyStore]. open returns an empty store, and a function that closes it
// and opens it again as a restarted process would.
func FamilyStore(t *testing.T, open func(t *testing.T) (store token.FamilyStore, reopen func() token.FamilyStore)) {
	t.Helper()
	for name, test := range map[string]func(familyTest){
		"a family comes back as it was":               familyTest.comesBack,
		"an id is taken once":                         familyTest.idIsTakenOnce,
		"a missing family is said to be missing":      familyTest.isMissing,
		"a change that is not wanted changes nothing": familyTest.unwanted,
		"changes come one after the other":            familyTest.changedConcurrently,
		"revoked families are listed":                 familyTest.revokedAreListed,
		"pruning removes what is over":                familyTest.pruned,
		"writes survive a restart":                    familyTest.writesSurviveRestart,
		"a context that has ended changes nothing":    familyTest.contextEnded,
	} {
		t.Run(name, func(t *testing.T) {
			store, reopen := open(t)
			test(familyTest{t, store, reopen})
		})
	}
}

// familyTest is one test's store.
type familyTest struct {
	*testing.T
	store  token.FamilyStore
	reopen func() token.FamilyStore
}

func newFamily(id string) token.Family {
	return token.Family{
		ID: id, Subject: token.Subject{Company: "acme", User: "integration", KeyID: "s42_key"},
		Current:   token.Link{AccessID: "access-of-" + id, RefreshID: "refresh-of-" + id, IssuedAt: keyEpoch},
		RotatedAt: keyEpoch, CreatedAt: keyEpoch, ExpiresAt: keyEpoch.Add(7 * 24 * time.Hour),
		AccessUntil: keyEpoch.Add(10 * time.Minute),
	}
}

func (t familyTest) create(families ...token.Family) {
	t.Helper()
	for _, family := range families {
		if err := t.store.CreateFamily(t.Context(), family); err != nil {
			t.Fatalf("CreateFamily(%s): %v", family.ID, err)
		}
	}
}

func (t familyTest) change(id string, change func(*token.Family)) token.Family {
	t.Helper()
	family, err := t.store.ChangeFamily(t.Context(), id, func(family *token.Family) bool {
		change(family)
		return true
	})
	if err != nil {
		t.Fatalf("ChangeFamily(%s): %v", id, err)
	}
	return family
}

// kept returns a family as it is kept, which a change that is not wanted shows.
func (t familyTest) kept(id string) (token.Family, error) {
	return t.store.ChangeFamily(t.Context(), id, func(*token.Family) bool { return false })
}

func (t familyTest) want(want token.Family) {
	t.Helper()
	if got, err := t.kept(want.ID); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("family %s: %v\n got %+v\nwant %+v", want.ID, err, got, want)
	}
}

func (t familyTest) wantGone(id string) {
	t.Helper()
	if got, err := t.kept(id); !errors.Is(err, token.ErrFamilyNotFound) {
		t.Fatalf("family %s: %+v, %v; want %v", id, got, err, token.ErrFamilyNotFound)
	}
}

func (t familyTest) wantRevoked(want ...token.Family) {
	t.Helper()
	got, err := t.store.RevokedFamilies(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b token.Family) int { return strings.Compare(a.ID, b.ID) })
	if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Fatalf("revoked\n got %+v\nwant %+v", got, want)
	}
}

func (t familyTest) comesBack() {
	first, second := newFamily("A"), newFamily("B")
	second.Previous, second.RevokedAt = "earlier", keyEpoch.Add(time.Minute)
	t.create(first, second)
	t.want(first)
	t.want(second)

	// What is kept is UTC to the microsecond, whatever came in.
	elsewhere := newFamily("C")
	elsewhere.RotatedAt = keyEpoch.Add(789 * time.Nanosecond).In(time.FixedZone("BRT", -3*3600))
	elsewhere.ExpiresAt = elsewhere.ExpiresAt.Add(789 * time.Nanosecond)
	t.create(elsewhere)
	t.want(newFamily("C"))
	changed := t.change("C", func(f *token.Family) { f.RotatedAt = keyEpoch.Add(time.Second + 789*time.Nanosecond) })
	if want := keyEpoch.Add(time.Second); !changed.RotatedAt.Equal(want) {
		t.Fatalf("ChangeFamily returned the time %v, and %v is kept", changed.RotatedAt, want)
	}
}

func (t familyTest) idIsTakenOnce() {
	first, second := newFamily("A"), newFamily("A")
	second.User = "other"
	t.create(first)
	if err := t.store.CreateFamily(t.Context(), second); !errors.Is(err, token.ErrFamilyExists) {
		t.Fatalf("creating an id again: %v", err)
	}
	t.want(first)
}

func (t familyTest) isMissing() {
	t.create(newFamily("AA"))
	for _, id := range []string{"A", "AAA", "aa", "AA\x00"} {
		called := false
		_, err := t.store.ChangeFamily(t.Context(), id, func(*token.Family) bool {
			called = true
			return true
		})
		if !errors.Is(err, token.ErrFamilyNotFound) || called {
			t.Errorf("ChangeFamily(%q): %v, called: %t", id, err, called)
		}
	}
}

func (t familyTest) unwanted() {
	family := newFamily("A")
	t.create(family)
	got, err := t.store.ChangeFamily(t.Context(), "A", func(f *token.Family) bool {
		f.RevokedAt, f.Previous = keyEpoch, "other"
		return false
	})
	if err != nil || !reflect.DeepEqual(got, family) {
		t.Fatalf("got %+v, %v; want what is kept, %+v", got, err, family)
	}
	t.want(family)
	t.wantRevoked()
	renamed := t.change("A", func(f *token.Family) { f.ID = "B" })
	if renamed.ID != "A" {
		t.Fatalf("a change has altered the ID to %s", renamed.ID)
	}
	t.wantGone("B")
}

func (t familyTest) changedConcurrently() {
	const writers, rounds = 8, 20
	t.create(newFamily("A"), newFamily("B"))
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range rounds {
				if _, err := t.store.ChangeFamily(t.Context(), "A", func(f *token.Family) bool {
					f.RotatedAt = f.RotatedAt.Add(time.Second)
					return true
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	want := newFamily("A")
	want.RotatedAt = keyEpoch.Add(writers * rounds * time.Second)
	t.want(want)
	t.want(newFamily("B"))
}

func (t familyTest) revokedAreListed() {
	t.wantRevoked()
	t.create(newFamily("A"), newFamily("B"), newFamily("C"))
	t.change("B", func(f *token.Family) { f.RevokedAt = keyEpoch.Add(time.Second) })
	b, err := t.kept("B")
	if err != nil {
		t.Fatal(err)
	}
	t.wantRevoked(b)
	c := t.change("C", func(f *token.Family) { f.RevokedAt = keyEpoch })
	t.store = t.reopen()
	t.wantRevoked(b, c)
}

func (t familyTest) pruned() {
	var all []token.Family
	for i := range 5 {
		family := newFamily(fmt.Sprintf("F%d", i))
		family.ExpiresAt = keyEpoch.Add(time.Duration(i+1) * time.Hour)
		family.AccessUntil = keyEpoch.Add(time.Minute)
		all = append(all, family)
	}
	t.create(all...)
	// A revoked family goes when its last access token has expired, one that was rotated with its new refresh token.
	revoked := t.change("F4", func(f *token.Family) { f.RevokedAt = keyEpoch })
	t.change("F0", func(f *token.Family) { f.ExpiresAt = keyEpoch.Add(10 * time.Hour) })
	prune := func(now time.Time, limit int) (more bool) {
		more, err := t.store.PruneFamilies(t.Context(), now, limit)
		if err != nil {
			t.Fatal(err)
		}
		return more
	}
	if prune(revoked.KeepUntil().Add(-time.Microsecond), 10) {
		t.Error("there is more when there is nothing")
	}
	t.want(revoked)
	if prune(revoked.KeepUntil(), 10) {
		t.Error("there is more than one")
	}
	t.wantGone("F4")
	t.wantRevoked()
	later := keyEpoch.Add(5 * time.Hour)
	if !prune(later, 2) {
		t.Error("nothing more after two of three")
	}
	t.wantGone("F1")
	t.wantGone("F2")
	t.want(all[3])
	for prune(later, 2) {
	}
	t.wantGone("F3")
	f0, err := t.kept("F0")
	if err != nil || !f0.ExpiresAt.Equal(keyEpoch.Add(10*time.Hour)) {
		t.Fatalf("a family that lives: %+v, %v", f0, err)
	}
}

func (t familyTest) writesSurviveRestart() {
	t.create(newFamily("A"), newFamily("B"))
	b := t.change("B", func(f *token.Family) {
		f.Previous, f.Current.RefreshID, f.RotatedAt = f.Current.RefreshID, "next", keyEpoch.Add(time.Minute)
	})
	t.store = t.reopen()
	t.want(newFamily("A"))
	t.want(b)
}

func (t familyTest) contextEnded() {
	family := newFamily("A")
	t.create(family)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := t.store.CreateFamily(ended, newFamily("B")); !errors.Is(err, context.Canceled) {
		t.Errorf("CreateFamily: %v", err)
	}
	_, err := t.store.ChangeFamily(ended, "A", func(f *token.Family) bool {
		f.RevokedAt = keyEpoch
		return true
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ChangeFamily: %v", err)
	}
	if _, err := t.store.RevokedFamilies(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("RevokedFamilies: %v", err)
	}
	if _, err := t.store.PruneFamilies(ended, family.KeepUntil(), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("PruneFamilies: %v", err)
	}
	t.want(family)
}
