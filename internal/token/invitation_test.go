package token_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/token"
)

func (h *house) invite() string {
	h.Helper()
	code, until, err := h.families.Invite(h.Context(), subject)
	if err != nil {
		h.Fatal(err)
	}
	if want := h.now().Add(token.InvitationTTL); !until.Equal(want) {
		h.Errorf("it can be accepted until %s, want %s", until, want)
	}
	return code
}

func (h *house) refused(code, why string) {
	h.Helper()
	if _, err := h.families.Accept(h.Context(), h.authority, code); !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
		h.Errorf("%s: %v, want %s", why, err, dataapi.CodeUnauthenticated)
	}
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.invite()
	h.restart() // it is kept
	pair, err := h.families.Accept(t.Context(), h.authority, code)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := h.authority.VerifyAccess(pair.Access.Text)
	if err != nil || claims.Subject != subject {
		t.Fatalf("the access token says %+v, %v", claims, err)
	}
	next := h.mustRotate(pair)
	h.sleep(time.Second)
	h.refused(code, "a code that comes back")
	if !h.families.Revoked(claims.Family) {
		t.Error("a code that came back has not ended the family")
	}
	if _, _, err := h.rotate(next); !errors.Is(err, token.ErrRevoked) {
		t.Errorf("refreshing after that: %v, want %v", err, token.ErrRevoked)
	}
}

func TestInvitationRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := h.invite()
	for _, code := range []string{"", "x", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", other + "A", other[:25] + "!"} {
		h.refused(code, code)
	}
	late := h.invite()
	h.sleep(token.InvitationTTL)
	h.refused(late, "one that is too late")
	h.sleep(time.Minute)
	if err := h.families.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.refused(late, "one that is forgotten")

	// The id of the family, which logs have, is no code, and ends nothing.
	code := h.invite()
	pair, err := h.families.Accept(t.Context(), h.authority, code)
	if err != nil {
		t.Fatal(err)
	}
	h.refused(pair.Access.Claims.Family, "the id of a family")
	h.mustRotate(pair)
}

// One of many who have the code gets in at most, and as soon as a second one has come, nobody.
func TestInvitationOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.invite()
	var accepted atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if _, err := h.families.Accept(t.Context(), h.authority, code); err == nil {
				accepted.Add(1)
			} else if !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if accepted.Load() != 1 {
		t.Errorf("%d of 16 have got in, want 1", accepted.Load())
	}
}
