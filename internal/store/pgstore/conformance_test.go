package pgstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest"
	"github.com/solucao42/caddy-data-api/internal/token"
)

func TestConformance(t *testing.T) {
	db := pgtest.New(t)
	storetest.Run(t, func(tb testing.TB) storetest.Stores {
		tb.Helper()
		return openConformance(tb, db.AdminDSN, newSchema())
	})
}

// TestConformanceShared runs the suite on several stores of one database.
func TestConformanceShared(t *testing.T) {
	for _, values := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d stores", values), func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			schema := ""
			storetest.RunShared(t, values, func(tb testing.TB, before []storetest.Stores) storetest.Stores {
				tb.Helper()
				if len(before) == 0 {
					schema = newSchema()
				}
				return openConformance(tb, db.AdminDSN, schema)
			})
		})
	}
}

var schemas atomic.Int64

// newSchema names a schema that no other test has: making one is quicker than making a database.
func newSchema() string { return fmt.Sprintf("store_%d", schemas.Add(1)) }

// openStore opens a store in which time is what callers say.
func openStore(tb testing.TB, dsn, schema string, change ...func(*pgstore.Options)) *pgstore.Store {
	tb.Helper()
	options := pgstore.CallersClock(pgstore.Options{Schema: schema, MaxConns: 10, Logger: slog.New(slog.DiscardHandler)})
	for _, change := range change {
		change(&options)
	}
	opened, err := pgstore.Open(context.Background(), dsn, options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := opened.Close(); err != nil {
			tb.Error(err)
		}
	})
	return opened
}

func openConformance(tb testing.TB, dsn, schema string, change ...func(*pgstore.Options)) storetest.Stores {
	tb.Helper()
	opened := openStore(tb, dsn, schema, change...)
	return storetest.Stores{
		Jobs: opened, Callbacks: opened, Size: opened.Size,
		Reopen: func(tb testing.TB) storetest.Stores {
			tb.Helper()
			_ = opened.Close()
			return openConformance(tb, dsn, schema, change...)
		},
	}
}

func TestKeyStore(t *testing.T) {
	db := pgtest.New(t)
	storetest.KeyStore(t, func(t *testing.T) (identity.KeyStore, func() identity.KeyStore) {
		t.Helper()
		schema := newSchema()
		return openStore(t, db.AdminDSN, schema), func() identity.KeyStore { return openStore(t, db.AdminDSN, schema) }
	})
}

func TestFamilyStore(t *testing.T) {
	db := pgtest.New(t)
	storetest.FamilyStore(t, func(t *testing.T) (token.FamilyStore, func() token.FamilyStore) {
		t.Helper()
		schema := newSchema()
		return openStore(t, db.AdminDSN, schema), func() token.FamilyStore { return openStore(t, db.AdminDSN, schema) }
	})
}

func TestTokenKeyStore(t *testing.T) {
	db := pgtest.New(t)
	storetest.TokenKeyStore(t, func(t *testing.T) (token.KeyStore, func() token.KeyStore) {
		t.Helper()
		schema := newSchema()
		return openStore(t, db.AdminDSN, schema), func() token.KeyStore { return openStore(t, db.AdminDSN, schema) }
	})
}

// TestConformanceThroughPgBouncer runs the suite through a proxy that shares connections among transactions.
func TestConformanceThroughPgBouncer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("GRANT CREATE ON DATABASE " + db.Name + " TO " + pgtest.ReaderRole)
	proxy := db.NewPgBouncer(5, nil)
	storetest.Run(t, func(tb testing.TB) storetest.Stores {
		tb.Helper()
		return openConformance(tb, proxy.DSN(pgtest.ReaderRole), newSchema(), func(o *pgstore.Options) { o.PollOnly = true })
	})
}
