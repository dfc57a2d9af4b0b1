package boltstore_test

import (
	"path/filepath"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/document"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest"
)

func TestDocumentStore(t *testing.T) {
	t.Parallel()
	storetest.DocumentStore(t, func(t *testing.T) ([]document.Store, func() []document.Store) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "store.db")
		var opened *boltstore.Store
		open := func() []document.Store {
			t.Helper()
			var err error
			if opened, err = boltstore.Open(path, boltstore.Options{}); err != nil {
				t.Fatal(err)
			}
			return []document.Store{opened}
		}
		t.Cleanup(func() { _ = opened.Close() })
		return open(), func() []document.Store {
			t.Helper()
			if err := opened.Close(); err != nil {
				t.Fatal(err)
			}
			return open()
		}
	})
}
