package boltstore

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/store/storetest"
	"github.com/solucao42/caddy-data-api/internal/token"
)

func TestTokenKeyStore(t *testing.T) {
	t.Parallel()
	storetest.TokenKeyStore(t, reopened(func(s *Store) token.KeyStore { return s }))
}

// TestFormerSigningKeyIsMoved opens a file of layout 2, in which one secret signed all tokens.
func TestFormerSigningKeyIsMoved(t *testing.T) {
	path, seed := storePath(t), bytes.Repeat([]byte{0x42}, ed25519.SeedSize)
	s := openStore(t, path, Options{})
	err := s.Update(t.Context(), func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket(tokenKeyBucket); err != nil {
			return err
		}
		if err := in(tx, secretBucket).Put(formerSigningSecret, seed); err != nil {
			return err
		}
		return asOlder(tx, "2")
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	key, err := token.NewEdDSAKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = openStore(t, path, Options{})
		records, err := s.TokenKeys(t.Context())
		if err != nil || len(records) != 1 || records[0].ID != key.ID() || !bytes.Equal(records[0].Private, seed) {
			t.Fatalf("the ring is %+v, %v", records, err)
		}
		if kept, err := s.readSecret(string(formerSigningSecret)); err != nil || kept != nil {
			t.Errorf("the secret has stayed: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s = openStore(t, path, Options{})
	ring, err := token.OpenKeyRing(t.Context(), s, token.RingOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	if err := ring.Prepare(t.Context(), token.EdDSA, time.Hour); err != nil {
		t.Fatal(err)
	}
	if keys := ring.List(); len(keys) != 1 || keys[0].ID != key.ID() || keys[0].State != token.KeySigning {
		t.Errorf("the ring is %+v", keys)
	}
}

func TestDamagedTokenKeyIsRefused(t *testing.T) {
	for name, record := range map[string]string{
		"no JSON": `{`, "unknown member": `{"algorithm":"EdDSA","private":"","revoked":true}`,
	} {
		s := openStore(t, storePath(t), Options{})
		err := s.Update(t.Context(), func(tx *bbolt.Tx) error { return in(tx, tokenKeyBucket).Put([]byte("kid"), []byte(record)) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.TokenKeys(t.Context()); err == nil || !strings.Contains(err.Error(), `token key "kid" is damaged`) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.UpdateTokenKeys(t.Context(), func(r []token.KeyRecord) ([]token.KeyRecord, error) { return r, nil }); err == nil {
			t.Errorf("%s: it is written over", name)
		}
	}
}

// TestWithdrawnKeyIsNotInTheFile looks for what a withdrawal should have taken away. bbolt leaves old pages as they are
// until they are used again, so that the file is compacted first, as an operator would.
func TestWithdrawnKeyIsNotInTheFile(t *testing.T) {
	path := storePath(t)
	s := openStore(t, path, Options{})
	record, err := token.NewKeyRecord(token.EdDSA, []byte("a seed that is easy to find:0123"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	replaceBy := func(records ...token.KeyRecord) {
		t.Helper()
		_, err := s.UpdateTokenKeys(t.Context(), func([]token.KeyRecord) ([]token.KeyRecord, error) { return records, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	replaceBy(record)
	replaceBy()
	if _, _, err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(content, []byte(record.ID)) || bytes.Contains(content, []byte("YSBzZWVkIHRoYXQgaXMgZWFzeSB0byBmaW5k")) {
		t.Error("the file still holds the key")
	}
}
