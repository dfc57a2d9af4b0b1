package identity_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

func TestRotateKey(t *testing.T) {
	store := openStore(t)
	keys := openKeys(t, store)
	directory := newDirectory(t, keys)
	old, secret := createKey(t, directory, "acme", "loader")
	changed := keys.Changed()
	rotation, err := directory.RotateKey(t.Context(), old.ID, time.Hour, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("nobody is told of the change")
	}
	if rotation.New.Name != old.Name || rotation.New.User != old.User || !rotation.New.ExpiresAt.IsZero() {
		t.Errorf("the successor is %+v", rotation.New)
	}
	if left := time.Until(rotation.Old.ExpiresAt); left > time.Hour || left < 59*time.Minute {
		t.Errorf("the old key has %v left", left)
	}
	if next := keys.NextExpiry(time.Now()); !next.Equal(rotation.Old.ExpiresAt) {
		t.Errorf("the next expiry is %v", next)
	}
	for id, secret := range map[string]string{old.ID: secret, rotation.New.ID: rotation.Secret} {
		if _, err := directory.Verify("acme", id, secret); err != nil {
			t.Errorf("%s during the overlap: %v", id, err)
		}
	}

	// A key has one successor: made of a key that ends soon, another one would end soon, too.
	if _, err := directory.RotateKey(t.Context(), old.ID, time.Hour, time.Time{}); !dataapi.HasCode(err, dataapi.CodeInvalidRequest) ||
		!strings.Contains(err.Error(), rotation.New.ID) {
		t.Errorf("a second rotation: %v", err)
	}

	// A successor lives as long as its key was made for, and rotating prolongs nothing.
	expiring, _, err := directory.CreateKey(t.Context(), identity.NewKey{Company: "acme", User: "loader", ExpiresAt: time.Now().Add(2 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	second, err := directory.RotateKey(t.Context(), expiring.ID, dataapi.MaxOverlap, time.Time{})
	if err != nil || !second.Old.ExpiresAt.Equal(expiring.ExpiresAt) {
		t.Errorf("the old key expires at %v, not at %v: %v", second.Old.ExpiresAt, expiring.ExpiresAt, err)
	}
	if life := second.New.ExpiresAt.Sub(second.New.CreatedAt); life < 119*time.Minute || life > 2*time.Hour {
		t.Errorf("the successor lives %v", life)
	}
	at, err := directory.RotateKey(t.Context(), rotation.New.ID, 0, time.Now().Add(time.Minute))
	if err != nil || time.Until(at.New.ExpiresAt) > time.Minute {
		t.Errorf("with an expiry of its own: %v, %v", at.New.ExpiresAt, err)
	}
	if _, err := directory.Verify("acme", rotation.New.ID, rotation.Secret); err == nil {
		t.Error("a key without overlap works on")
	}
	for name, c := range map[string]struct {
		id      string
		overlap time.Duration
		expires time.Time
		code    dataapi.Code
	}{
		"an unknown key":    {"s42_none", 0, time.Time{}, dataapi.CodeNotFound},
		"an expired key":    {rotation.New.ID, 0, time.Time{}, dataapi.CodeInvalidRequest},
		"a long overlap":    {at.New.ID, dataapi.MaxOverlap + 1, time.Time{}, dataapi.CodeInvalidRequest},
		"a negative one":    {at.New.ID, -1, time.Time{}, dataapi.CodeInvalidRequest},
		"an expiry in past": {at.New.ID, 0, time.Now().Add(-time.Second), dataapi.CodeInvalidRequest},
	} {
		if _, err := directory.RotateKey(t.Context(), c.id, c.overlap, c.expires); !dataapi.HasCode(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !directory.HasUser("acme", "loader") || directory.HasUser("acme", "stranger") || directory.HasUser("nowhere", "loader") {
		t.Error("HasUser is wrong")
	}
}

// touchCounter counts the writes of last uses.
type touchCounter struct {
	identity.KeyStore
	writes, keys int
}

func (s *touchCounter) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	s.writes++
	s.keys += len(used)
	return s.KeyStore.TouchKeys(ctx, used)
}

func TestLastUseIsSavedInBatches(t *testing.T) {
	store := &touchCounter{KeyStore: openStore(t)}
	keys := openKeys(t, store)
	directory := newDirectory(t, keys)
	first, secret := createKey(t, directory, "acme", "loader")
	second, _ := createKey(t, directory, "acme", "loader")
	idle, _ := createKey(t, directory, "acme", "loader")
	for range 50 {
		if _, err := directory.Verify("acme", first.ID, secret); err != nil {
			t.Fatal(err)
		}
		if _, err := directory.Resolve("acme", "loader", second.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := directory.Verify("acme", idle.ID, secret); err == nil {
			t.Fatal("a wrong secret passes")
		}
	}
	for range 2 {
		if err := keys.SaveUse(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if store.writes > 2 || store.keys < 2 || store.keys > 4 { // 4 when a minute has just begun
		t.Errorf("%d writes of %d uses", store.writes, store.keys)
	}
	if _, _, err := keys.Revoke(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	for _, keys := range []*identity.Keys{keys, openKeys(t, store)} {
		list, err := keys.List(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range list {
			if used := !key.LastUsedAt.IsZero(); used == (key.ID == idle.ID) || used && time.Since(key.LastUsedAt) > 3*time.Minute {
				t.Errorf("%s was last used at %v", key.ID, key.LastUsedAt)
			}
		}
	}
}
