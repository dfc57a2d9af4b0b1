package identity_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

func TestCreateKeyRefusesBadInput(t *testing.T) {
	store := openStore(t)
	directory := newDirectory(t, openKeys(t, store))
	for name, c := range map[string]struct {
		wanted identity.NewKey
		detail string
	}{
		"unknown company": {identity.NewKey{Company: "nowhere", User: "loader"}, `There is no company "nowhere" in the catalog; there is acme and globex.`},
		"unknown user":    {identity.NewKey{Company: "globex", User: "limited"}, `The company globex has no user "limited"; there is loader.`},
		"nothing":         {identity.NewKey{}, `There is no company "" in the catalog; there is acme and globex.`},
		"long name":       {identity.NewKey{Company: "acme", User: "loader", Name: strings.Repeat("é", 81)}, "The name of a key is at most 80 printable characters."},
		"control in name": {identity.NewKey{Company: "acme", User: "loader", Name: "a\x1b[31m"}, "The name of a key is at most 80 printable characters."},
		"line in name":    {identity.NewKey{Company: "acme", User: "loader", Name: "a\nb"}, "The name of a key is at most 80 printable characters."},
		"invalid UTF-8":   {identity.NewKey{Company: "acme", User: "loader", Name: "a\xff"}, "The name of a key is at most 80 printable characters."},
		"past expiry": {identity.NewKey{Company: "acme", User: "loader", ExpiresAt: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)},
			"The expiry 2020-01-02T03:04:05Z is not in the future."},
	} {
		key, secret, err := directory.CreateKey(t.Context(), c.wanted)
		known, ok := errors.AsType[*dataapi.Error](err)
		if !ok || known.Code != dataapi.CodeInvalidRequest || known.Detail != c.detail {
			t.Errorf("%s: %v", name, err)
		}
		if secret != "" || key.ID != "" {
			t.Errorf("%s: a key came back", name)
		}
	}
	if kept, err := store.ListKeys(t.Context(), ""); err != nil || len(kept) != 0 {
		t.Errorf("refused keys were kept: %v, %v", kept, err)
	}
	_, _, err := directory.CreateKey(t.Context(), identity.NewKey{Company: "acme", User: "loader", Name: strings.Repeat("é", 80)})
	if err != nil {
		t.Errorf("80 characters: %v", err)
	}
}

func TestKeysOutliveTheProcess(t *testing.T) {
	store := openStore(t)
	keys := openKeys(t, store)
	directory := newDirectory(t, keys)
	kept, secret := createKey(t, directory, "acme", "loader")
	ended, endedSecret := createKey(t, directory, "acme", "loader")
	for n := range 3 { // the first of them ends the key, and the others change nothing
		got, changed, err := keys.Revoke(t.Context(), ended.ID)
		if err != nil || changed != (n == 0) || got.State(time.Now()) != identity.KeyRevoked {
			t.Fatalf("%+v, %t, %v", got, changed, err)
		}
	}
	again := newDirectory(t, openKeys(t, store))
	if _, err := again.Verify("acme", kept.ID, secret); err != nil {
		t.Error(err)
	}
	if _, err := again.Verify("acme", ended.ID, endedSecret); err == nil {
		t.Error("a revoked key came back")
	}
	list, err := openKeys(t, store).List(t.Context(), "acme")
	if err != nil || len(list) != 2 || list[0].ID != kept.ID || list[0].State(time.Now()) != identity.KeyActive {
		t.Errorf("%+v, %v", list, err)
	}
	otherPepper, err := identity.OpenKeys(t.Context(), store, append([]byte{1}, pepper...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newDirectory(t, otherPepper).Verify("acme", kept.ID, secret); err == nil {
		t.Error("a secret verifies under another pepper")
	}
	if _, err := identity.OpenKeys(t.Context(), store, pepper[:identity.MinPepper-1]); err == nil {
		t.Error("a short pepper is accepted")
	}
}

func TestRevokeUnknownKey(t *testing.T) {
	if _, _, err := openKeys(t, openStore(t)).Revoke(t.Context(), "s42_none"); !dataapi.HasCode(err, dataapi.CodeNotFound) {
		t.Errorf("got %v", err)
	}
}

// failingStore is a store whose disk breaks.
type failingStore struct {
	identity.KeyStore
	broken bool
}

var errDisk = errors.New("input/output error")

func (s *failingStore) RevokeKey(ctx context.Context, id string, at time.Time) (identity.Key, error) {
	if s.broken {
		return identity.Key{}, errDisk
	}
	return s.KeyStore.RevokeKey(ctx, id, at)
}

func (s *failingStore) CreateKey(ctx context.Context, key identity.Key) error {
	if s.broken {
		return errDisk
	}
	return s.KeyStore.CreateKey(ctx, key)
}

func (s *failingStore) ListKeys(ctx context.Context, company string) ([]identity.Key, error) {
	if s.broken {
		return nil, errDisk
	}
	return s.KeyStore.ListKeys(ctx, company)
}

func TestABrokenStoreFailsClosed(t *testing.T) {
	store := &failingStore{KeyStore: openStore(t)}
	keys := openKeys(t, store)
	directory := newDirectory(t, keys)
	key, secret := createKey(t, directory, "acme", "loader")
	bystander, bystanderSecret := createKey(t, directory, "acme", "loader")
	store.broken = true
	if _, _, err := keys.Revoke(t.Context(), key.ID); !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "revoke it again") {
		t.Errorf("Revoke: %v", err)
	}
	if _, err := directory.Verify("acme", key.ID, secret); err == nil {
		t.Error("the key works though its revocation was asked for")
	}
	if _, made, err := directory.CreateKey(t.Context(), identity.NewKey{Company: "acme", User: "loader"}); !errors.Is(err, errDisk) || made != "" {
		t.Errorf("CreateKey: %q, %v", made, err)
	}
	if err := keys.Refresh(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("Refresh: %v", err)
	}
	if _, err := keys.List(t.Context(), "acme"); !errors.Is(err, errDisk) {
		t.Errorf("List: %v", err)
	}
	if _, err := identity.OpenKeys(t.Context(), store, pepper); !errors.Is(err, errDisk) {
		t.Errorf("OpenKeys: %v", err)
	}
	store.broken = false
	if err := keys.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := directory.Verify("acme", key.ID, secret); err == nil {
		t.Error("reading the store again brought the key back")
	}
	if _, err := directory.Verify("acme", bystander.ID, bystanderSecret); err != nil {
		t.Errorf("another key suffered: %v", err)
	}
}

// TestRefreshSeesOtherWriters has what is like two processes on one store.
func TestRefreshSeesOtherWriters(t *testing.T) {
	store := openStore(t)
	here, there := openKeys(t, store), openKeys(t, store)
	key, secret := createKey(t, newDirectory(t, there), "acme", "loader")
	directory := newDirectory(t, here)
	for _, c := range []struct {
		name string
		act  func() error
		want bool
	}{
		{"before the refresh", func() error { return nil }, false},
		{"after it", func() error { return here.Refresh(t.Context()) }, true},
		{"after a revocation there", func() error {
			_, _, err := there.Revoke(t.Context(), key.ID)
			return errors.Join(err, here.Refresh(t.Context()))
		}, false},
	} {
		if err := c.act(); err != nil {
			t.Fatal(err)
		}
		if _, err := directory.Verify("acme", key.ID, secret); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestRevocationActsAtOnce revokes keys under readers. A check that begins after Revoke returned must fail, and a key
// that nobody revoked must never fail.
func TestRevocationActsAtOnce(t *testing.T) {
	const rounds, readers = 40, 4
	keys := openKeys(t, openStore(t))
	directory := newDirectory(t, keys)
	steady, _ := createKey(t, directory, "globex", "loader")

	type target struct {
		id      string
		revoked atomic.Bool
	}
	var current atomic.Pointer[target]
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := directory.Resolve("globex", "loader", steady.ID); err != nil {
					t.Errorf("a key that nobody revoked: %v", err)
				}
				aim := current.Load()
				if aim == nil {
					continue
				}
				revoked := aim.revoked.Load()
				_, err := directory.Resolve("acme", "loader", aim.id)
				if err == nil && revoked {
					t.Error("a key resolved after its revocation had returned")
				}
				if err != nil && !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() { // a catalog that changes all the while
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := directory.SetCompanies(twoCompanies()); err != nil {
				t.Error(err)
			}
			if err := keys.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for range rounds {
		key, secret := createKey(t, directory, "acme", "loader")
		if _, err := directory.Verify("acme", key.ID, secret); err != nil {
			t.Errorf("a key does not work when CreateKey has returned: %v", err)
		}
		aim := &target{id: key.ID}
		current.Store(aim)
		if _, _, err := keys.Revoke(t.Context(), key.ID); err != nil {
			t.Error(err)
		}
		aim.revoked.Store(true)
		if _, err := directory.Resolve("acme", "loader", key.ID); err == nil {
			t.Error("a revoked key resolves")
		}
	}
	close(stop)
	group.Wait()
}
