package boltstore_test

import (
	"path/filepath"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest"
)

func TestDocumentStore(t *testing.T) {
	t.Parallel()
	storetest.DocumentStore(t, func(t *testing.T) ([]documents.Store, func() []documents.Store) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "store.db")
		var opened *boltstore.Store
		open := func() []documents.Store {
			t.Helper()
			var err error
			if opened, err = boltstore.Open(path, boltstore.Options{}); err != nil {
				t.Fatal(err)
			}
			return []documents.Store{opened}
		}
		t.Cleanup(func() { _ = opened.Close() })
		return open(), func() []documents.Store {
			t.Helper()
			if err := opened.Close(); err != nil {
				t.Fatal(err)
			}
			return open()
		}
	})
}
