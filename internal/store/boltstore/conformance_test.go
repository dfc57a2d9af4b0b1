package boltstore_test

import (
	"path/filepath"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Stores {
		return open(t, filepath.Join(t.TempDir(), "store.db"))
	})
}

func open(t testing.TB, path string) storetest.Stores {
	t.Helper()
	store, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return storetest.Stores{
		Jobs: store, Callbacks: store, Exclusive: true,
		Reopen: func(t testing.TB) storetest.Stores {
			t.Helper()
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, path)
		},
	}
}
