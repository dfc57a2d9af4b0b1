package token_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/token"
)

var subject = token.Subject{Company: "acme", User: "integration", KeyID: "s42_0123456789abcdefABCDEF"}

// house is an authority and its families on a real store, with a clock that a test moves.
type house struct {
	*testing.T
	authority *token.Authority
	families  *token.Families
	store     token.FamilyStore
	path      string
	seconds   atomic.Int64
}

var houseEpoch = time.Date(2026, 4, 11, 10, 30, 0, 0, time.UTC)

func (h *house) now() time.Time         { return houseEpoch.Add(time.Duration(h.seconds.Load())) }
func (h *house) sleep(d time.Duration)  { h.seconds.Add(int64(d)) }
func (h *house) config() token.Config   { return houseConfig(h.T, h.now) }
func (h *house) open() *boltstore.Store { return openStore(h.T, h.path) }
func (h *house) begin() (pair token.Pair) {
	h.Helper()
	pair, err := h.families.Begin(h.Context(), h.authority, subject)
	if err != nil {
		h.Fatal(err)
	}
	return pair
}

func houseConfig(t *testing.T, now func() time.Time) token.Config {
	t.Helper()
	key, err := token.NewEdDSAKey(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewKeyRing(key)
	if err != nil {
		t.Fatal(err)
	}
	return token.Config{
		Issuer: "https://api.example.com", Audience: "https://api.example.com",
		AccessTTL: token.DefaultAccessTTL, RefreshTTL: token.DefaultRefreshTTL,
		Keys: ring, CacheEntries: 64, Now: now,
	}
}

func openStore(t *testing.T, path string) *boltstore.Store {
	t.Helper()
	store, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, path: filepath.Join(t.TempDir(), "store.db")}
	var err error
	if h.authority, err = token.New(h.config()); err != nil {
		t.Fatal(err)
	}
	h.store = h.open()
	h.openFamilies()
	return h
}

func (h *house) openFamilies() {
	h.Helper()
	var err error
	if h.families, err = token.OpenFamilies(h.Context(), h.store, h.now); err != nil {
		h.Fatal(err)
	}
}

// restart is a crash and a new start.
func (h *house) restart() {
	h.Helper()
	if err := h.store.(*boltstore.Store).Close(); err != nil {
		h.Fatal(err)
	}
	h.store = h.open()
	h.openFamilies()
}

// rotate presents a refresh token as the route does: verified first.
func (h *house) rotate(pair token.Pair) (next token.Pair, again bool, err error) {
	claims, err := h.authority.VerifyRefresh(pair.Refresh.Text)
	if err != nil {
		return token.Pair{}, false, err
	}
	return h.families.Rotate(h.Context(), h.authority, claims)
}

func (h *house) mustRotate(pair token.Pair) token.Pair {
	h.Helper()
	next, again, err := h.rotate(pair)
	if err != nil || again {
		h.Fatalf("rotating: again %t, %v", again, err)
	}
	return next
}

func (h *house) wantCause(pair token.Pair, cause error) {
	h.Helper()
	if _, _, err := h.rotate(pair); !errors.Is(err, cause) || !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
		h.Errorf("got %v, want %v", err, cause)
	}
}

// wantEnded checks that no token of these pairs is accepted, also after a restart.
func (h *house) wantEnded(pairs ...token.Pair) {
	h.Helper()
	for range 2 {
		for i, pair := range pairs {
			if !h.families.Revoked(pair.Access.Claims.Family) {
				h.Errorf("the access token of generation %d lives", i)
			}
			h.wantCause(pair, token.ErrRevoked)
		}
		h.restart()
	}
}

func (h *house) generations(count int, pause time.Duration) []token.Pair {
	h.Helper()
	pairs := []token.Pair{h.begin()}
	for len(pairs) < count {
		h.sleep(pause)
		pairs = append(pairs, h.mustRotate(pairs[len(pairs)-1]))
	}
	return pairs
}

// TestTokenGenerations is the matrix of Ory Hydra's tests of the same name, for one pair in a generation: here the grace
// gives the same successor again instead of a sibling.
func TestTokenGenerations(t *testing.T) {
	const count = 4
	for name, pause := range map[string]time.Duration{"at once": 0, "beyond the grace": 2 * token.RefreshGrace} {
		t.Run(name, func(t *testing.T) {
			t.Run("the newest generation is valid and can be exchanged", func(t *testing.T) {
				h := newHouse(t)
				pairs := h.generations(count, pause)
				h.mustRotate(pairs[count-1])
			})
			t.Run("the previous generation gives its successor again, within the grace", func(t *testing.T) {
				h := newHouse(t)
				pairs := h.generations(count, pause)
				h.sleep(token.RefreshGrace)
				for range 3 {
					same, again, err := h.rotate(pairs[count-2])
					if err != nil || !again || same != pairs[count-1] {
						t.Fatalf("again %t, %v", again, err)
					}
				}
				h.mustRotate(pairs[count-1])
			})
			t.Run("the previous generation after the grace ends the family", func(t *testing.T) {
				h := newHouse(t)
				pairs, bystander := h.generations(count, pause), h.begin()
				h.sleep(token.RefreshGrace + time.Millisecond)
				h.wantCause(pairs[count-2], token.ErrReused)
				h.wantEnded(pairs...)
				h.mustRotate(bystander)
			})
			for old := range count - 2 {
				t.Run("an older generation ends the family", func(t *testing.T) {
					h := newHouse(t)
					pairs := h.generations(count, pause)
					h.wantCause(pairs[old], token.ErrReused)
					h.wantEnded(pairs...)
				})
			}
			for chosen := range count {
				t.Run("any generation can be used to log out", func(t *testing.T) {
					h := newHouse(t)
					pairs := h.generations(count, pause)
					for range 2 {
						if _, err := h.families.End(t.Context(), pairs[chosen].Refresh.Claims.Family); err != nil {
							t.Fatal(err)
						}
					}
					h.wantEnded(pairs...)
				})
			}
		})
	}
}

func TestRepetitionDoesNotProlongTheGrace(t *testing.T) {
	h := newHouse(t)
	first := h.begin()
	h.mustRotate(first)
	for range 5 {
		h.sleep(token.RefreshGrace / 5)
		if _, again, err := h.rotate(first); err != nil || !again {
			t.Fatalf("within the grace: %t, %v", again, err)
		}
	}
	h.sleep(token.RefreshGrace / 5)
	h.wantCause(first, token.ErrReused)
}

// The grace helps no token that has expired.
func TestExpiredTokenHasNoGrace(t *testing.T) {
	h := newHouse(t)
	first := h.begin()
	h.sleep(token.DefaultRefreshTTL - time.Second)
	second := h.mustRotate(first)
	h.sleep(2 * time.Second)
	if _, _, err := h.rotate(first); !dataapi.HasCode(err, dataapi.CodeUnauthenticated) || errors.Is(err, token.ErrReused) {
		t.Errorf("an expired token: %v", err)
	}
	h.mustRotate(second)
}

func TestHundredRefreshesAtOnceLeaveOneChain(t *testing.T) {
	h := newHouse(t)
	first := h.begin()
	const callers = 100
	answers := make([]token.Pair, callers)
	var fresh atomic.Int64
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			pair, again, err := h.rotate(first)
			if err != nil {
				t.Error(err)
			}
			if !again {
				fresh.Add(1)
			}
			answers[i] = pair
		})
	}
	group.Wait()
	for _, pair := range answers {
		if pair != answers[0] {
			t.Fatal("two callers have different pairs")
		}
	}
	if fresh.Load() != 1 {
		t.Errorf("%d exchanges made a new pair", fresh.Load())
	}
	h.mustRotate(answers[0])
}

// A caller whose answer was lost in a crash asks again with the token that it has.
func TestAnswerLostInACrash(t *testing.T) {
	h := newHouse(t)
	first := h.begin()
	lost := h.mustRotate(first)
	h.restart()
	h.sleep(token.RefreshGrace)
	found, again, err := h.rotate(first)
	if err != nil || !again || found != lost {
		t.Fatalf("again %t, %v", again, err)
	}
	h.mustRotate(found)
}

func TestTokenOfUnknownFamilyIsRefused(t *testing.T) {
	h := newHouse(t)
	stranger, err := h.authority.Mint(subject, "")
	if err != nil {
		t.Fatal(err)
	}
	h.wantCause(stranger, token.ErrUnknownFamily)
	if _, err := h.families.End(t.Context(), stranger.Refresh.Claims.Family); err != nil {
		t.Errorf("ending what is not kept: %v", err)
	}
	if h.families.Revoked("") {
		t.Error("no family counts as revoked")
	}
}

func TestPruneForgetsWhatIsOver(t *testing.T) {
	h := newHouse(t)
	ended, living := h.begin(), h.begin()
	if did, err := h.families.End(t.Context(), ended.Refresh.Claims.Family); err != nil || !did {
		t.Fatalf("%t, %v", did, err)
	}
	if did, err := h.families.End(t.Context(), ended.Refresh.Claims.Family); err != nil || did {
		t.Fatalf("a second time: %t, %v", did, err)
	}
	prune := func() {
		t.Helper()
		if err := h.families.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.sleep(token.DefaultAccessTTL) // the last moment at which an access token can pass, forgiven clock difference included
	prune()
	h.wantEnded(ended)
	h.sleep(token.MaxLeeway)
	prune()
	if h.families.Revoked(ended.Access.Claims.Family) {
		t.Error("a revoked family is remembered for ever")
	}
	h.wantCause(ended, token.ErrUnknownFamily)
	living = h.mustRotate(living)
	h.sleep(token.DefaultRefreshTTL + token.MaxLeeway)
	prune()
	if _, err := h.store.ChangeFamily(t.Context(), living.Access.Claims.Family, func(*token.Family) bool { return false }); !errors.Is(err, token.ErrFamilyNotFound) {
		t.Errorf("an expired family is kept: %v", err)
	}
}

// A repetition under a configuration with longer tokens keeps a later revocation in memory for as long as they live.
func TestRevocationOutlivesLongerTokens(t *testing.T) {
	h := newHouse(t)
	first := h.begin()
	h.mustRotate(first)
	config := h.config()
	config.AccessTTL = 2 * time.Hour
	var err error
	if h.authority, err = token.New(config); err != nil {
		t.Fatal(err)
	}
	longer, again, err := h.rotate(first)
	if err != nil || !again || longer.Access.Claims.ExpiresAt.Sub(h.now()) != 2*time.Hour {
		t.Fatalf("again %t, %v", again, err)
	}
	if _, err := h.families.End(t.Context(), longer.Access.Claims.Family); err != nil {
		t.Fatal(err)
	}
	h.sleep(2*time.Hour - time.Second)
	h.restart()
	if err := h.families.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !h.families.Revoked(longer.Access.Claims.Family) {
		t.Error("the revocation was forgotten before the token expired")
	}
}

// brokenStore loses every change after it was made.
type brokenStore struct {
	token.FamilyStore
	broken bool
}

var errDisk = errors.New("input/output error")

func (s *brokenStore) ChangeFamily(ctx context.Context, id string, change func(*token.Family) bool) (token.Family, error) {
	family, err := s.FamilyStore.ChangeFamily(ctx, id, change)
	if s.broken {
		return token.Family{}, errDisk
	}
	return family, err
}

func (s *brokenStore) CreateFamily(ctx context.Context, family token.Family) error {
	if s.broken {
		return errDisk
	}
	return s.FamilyStore.CreateFamily(ctx, family)
}

func TestFailingStoreFailsClosed(t *testing.T) {
	h := newHouse(t)
	broken := &brokenStore{FamilyStore: h.store}
	h.store = broken
	h.openFamilies()
	stolen, ended := h.generations(3, 0), h.begin()
	broken.broken = true
	if _, err := h.families.Begin(t.Context(), h.authority, subject); !dataapi.HasCode(err, dataapi.CodeOverloaded) {
		t.Errorf("Begin: %v", err)
	}
	for name, err := range map[string]error{
		"a stolen token": func() error { _, _, err := h.rotate(stolen[0]); return err }(),
		"a logout":       endFamily(h.families, ended.Access.Claims.Family),
	} {
		if !dataapi.HasCode(err, dataapi.CodeOverloaded) || !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, pair := range []token.Pair{stolen[2], ended} {
		if !h.families.Revoked(pair.Access.Claims.Family) {
			t.Error("a family lives whose end the disk did not take")
		}
	}
}

// TestRandomWalk holds the families against a list of generations.
func TestRandomWalk(t *testing.T) {
	h := newHouse(t)
	for range 30 {
		pairs := []token.Pair{h.begin()}
		rotatedAt, ended := h.now(), false
		for range 25 {
			h.sleep(time.Duration(rand.IntN(6)) * token.RefreshGrace / 4)
			newest := len(pairs) - 1
			chosen := max(0, newest-min(rand.IntN(8), rand.IntN(8)))
			pair, again, err := h.rotate(pairs[chosen])
			switch {
			case ended:
				if !errors.Is(err, token.ErrRevoked) {
					t.Fatalf("after the end: %v", err)
				}
			case chosen == newest:
				if err != nil || again {
					t.Fatalf("the newest: again %t, %v", again, err)
				}
				pairs, rotatedAt = append(pairs, pair), h.now()
			case chosen == newest-1 && h.now().Sub(rotatedAt) <= token.RefreshGrace:
				if err != nil || !again || pair != pairs[newest] {
					t.Fatalf("the previous one in its grace: again %t, %v", again, err)
				}
			default:
				if !errors.Is(err, token.ErrReused) {
					t.Fatalf("generation %d of %d: %v", chosen, newest, err)
				}
				ended = true
			}
			if h.families.Revoked(pairs[0].Access.Claims.Family) != ended {
				t.Fatalf("the access tokens live: %t", ended)
			}
		}
	}
}

func TestRevokedDoesNotAllocate(t *testing.T) {
	h := newHouse(t)
	pair := h.begin()
	if _, err := h.families.End(t.Context(), pair.Access.Claims.Family); err != nil {
		t.Fatal(err)
	}
	if allocations := testing.AllocsPerRun(100, func() { h.families.Revoked(pair.Access.Claims.Family) }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// endFamily ends a family and returns only why that fails.
func endFamily(families *token.Families, id string) error {
	_, err := families.End(context.Background(), id)
	return err
}
