package boltstore_test

import (
	"path/filepath"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest/jobtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	jobtest.Run(t, func(tb testing.TB) jobtest.Stores {
		tb.Helper()
		return openConformance(tb, filepath.Join(tb.TempDir(), "store.db"))
	})
}

func openConformance(tb testing.TB, path string) jobtest.Stores {
	tb.Helper()
	store, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return jobtest.Stores{
		Jobs: store, Callbacks: store, Size: store.Size, Ping: store.Ping, DeliveriesDue: store.DeliveriesDue, Exclusive: true,
		Reopen: func(tb testing.TB) jobtest.Stores {
			tb.Helper()
			if err := store.Close(); err != nil {
				tb.Fatal(err)
			}
			return openConformance(tb, path)
		},
	}
}
