package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/store/storetest"
	"github.com/solucao42/caddy-data-api/internal/token"
)

func TestKeyStore(t *testing.T) {
	t.Parallel()
	storetest.KeyStore(t, reopened(func(s *Store) identity.KeyStore { return s }))
}

func TestDamagedKeyIsRefused(t *testing.T) {
	s := openStore(t, storePath(t), Options{})
	whole := `{"company":"acme","user":"u","secret_mac":"` + strings.Repeat("QUJD", 10) + `QUI=",` +
		`"created_at":"2026-04-11T10:30:00Z"%s}`
	put := func(record string) {
		t.Helper()
		err := s.Update(t.Context(), func(tx *bbolt.Tx) error {
			return in(tx, keyBucket).Put([]byte("s42_k"), []byte(record))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put(fmt.Sprintf(whole, ""))
	if keys, err := s.ListKeys(t.Context(), ""); err != nil || len(keys) != 1 || keys[0].Damaged {
		t.Fatalf("the record that the others are made from: %+v, %v", keys, err)
	}
	for name, record := range map[string]string{
		"cut":                 fmt.Sprintf(whole, "")[:60],
		"not JSON":            "\x00\x01",
		"null":                "null",
		"short MAC":           strings.Replace(fmt.Sprintf(whole, ""), "QUJDQUJD", "QUJD", 1),
		"no MAC":              `{"company":"acme","user":"u","created_at":"2026-04-11T10:30:00Z"}`,
		"zero MAC":            strings.ReplaceAll(strings.ReplaceAll(fmt.Sprintf(whole, ""), "QUJD", "AAAA"), "QUI=", "AAA="),
		"bad time":            fmt.Sprintf(whole, `,"revoked_at":"yesterday"`),
		"misspelt revocation": fmt.Sprintf(whole, `,"Revoked_At":"2026-04-11T10:30:00Z"`),
		"two revocations":     fmt.Sprintf(whole, `,"revoked_at":"2026-04-11T10:30:00Z","revoked_at":"0001-01-01T00:00:00Z"`),
	} {
		t.Run(name, func(t *testing.T) {
			put(record)
			listed, err := s.ListKeys(t.Context(), "")
			if err != nil || len(listed) != 1 || listed[0].ID != "s42_k" || listed[0].State(time.Now()) != identity.KeyDamaged {
				t.Errorf("ListKeys: %+v, %v", listed, err)
			}
			if _, err := s.RevokeKey(t.Context(), "s42_k", time.Now()); err == nil || !strings.Contains(err.Error(), `API key "s42_k" is damaged`) {
				t.Errorf("RevokeKey: %v", err)
			}
		})
	}
}

// TestStoreKeepsNoSecret makes a key the way the server does and looks for its secret in the file.
func TestStoreKeepsNoSecret(t *testing.T) {
	path := storePath(t)
	s := openStore(t, path, Options{})
	keys, err := identity.OpenKeys(t.Context(), s, bytes.Repeat([]byte{7}, identity.MinPepper))
	if err != nil {
		t.Fatal(err)
	}
	directory := identity.NewDirectory(keys)
	user := &identity.User{Name: "integration", Active: true}
	err = directory.SetCompanies(map[string]*identity.Company{
		"acme": {Slug: "acme", Active: true, Users: map[string]*identity.User{"integration": user}},
	})
	if err != nil {
		t.Fatal(err)
	}
	key, secret, err := directory.CreateKey(t.Context(), identity.NewKey{Company: "acme", User: "integration"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(file, []byte(key.ID)) {
		t.Fatal("the key's id is not in the file: the scan proves nothing")
	}
	for cut := range len(secret) - 12 {
		if bytes.Contains(file, []byte(secret[cut:cut+12])) {
			t.Fatal("a part of the secret is in the file")
		}
	}
}

func TestFamilyStore(t *testing.T) {
	t.Parallel()
	storetest.FamilyStore(t, reopened(func(s *Store) token.FamilyStore { return s }))
}

func TestLinkStore(t *testing.T) {
	t.Parallel()
	storetest.LinkStore(t, reopened(func(s *Store) link.Store { return s }))
}

// A family that is half read might be one that is not revoked any more.
func TestDamagedFamilyIsRefused(t *testing.T) {
	s := openStore(t, storePath(t), Options{})
	for _, record := range []string{"", "{", `{"revoked":true}`, `{"company":1}`} {
		err := s.Update(t.Context(), func(tx *bbolt.Tx) error {
			return in(tx, familyBucket).Put([]byte("F"), []byte(record))
		})
		if err != nil {
			t.Fatal(err)
		}
		changed := false
		_, err = s.ChangeFamily(t.Context(), "F", func(*token.Family) bool { changed = true; return true })
		if err == nil || errors.Is(err, token.ErrFamilyNotFound) || changed {
			t.Errorf("%q: %v", record, err)
		}
	}
}
