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
	"github.com/solucao42/caddy-data-api/internal/usage"
)

func TestConformance(t *testing.T) {
	suite := &suite{dsn: pgtest.New(t).AdminDSN}
	storetest.Run(t, suite.open)
}

// TestConformanceShared runs the suite on several stores of one database.
func TestConformanceShared(t *testing.T) {
	for _, values := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d stores", values), func(t *testing.T) {
			t.Parallel()
			suite := &suite{dsn: pgtest.New(t).AdminDSN}
			storetest.RunShared(t, values, suite.openShared)
		})
	}
}

// TestConformanceThroughPgBouncer runs the suite on several stores behind a proxy that shares connections among transactions.
func TestConformanceThroughPgBouncer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("GRANT CREATE ON DATABASE " + db.Name + " TO " + pgtest.ReaderRole)
	proxy := db.NewPgBouncer(5, nil)
	suite := &suite{dsn: proxy.DSN(pgtest.ReaderRole), change: func(o *pgstore.Options) { o.PollOnly = true }}
	storetest.RunShared(t, 2, suite.openShared)
}

// suite gives each test a schema of its own. A test that asks for another store, as the one of random calls does again and
// again, gets the same schema, emptied: making one takes longer than most tests.
type suite struct {
	dsn    string
	change func(*pgstore.Options)

	test   testing.TB // that the rest belongs to
	schema string
	stores []*pgstore.Store
}

// open returns an empty store.
func (s *suite) open(tb testing.TB) storetest.Stores {
	tb.Helper()
	if s.test != tb {
		s.test, s.schema, s.stores = tb, newSchema(), nil
		return s.openAgain(tb)
	}
	for _, opened := range s.stores {
		_ = opened.Close()
	}
	s.stores = nil
	again := s.openAgain(tb)
	if err := s.stores[0].Empty(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return again
}

// openShared returns a store on the same data as those before it.
func (s *suite) openShared(tb testing.TB, before []storetest.Stores) storetest.Stores {
	tb.Helper()
	if len(before) == 0 {
		return s.open(tb)
	}
	return s.openAgain(tb)
}

// openAgain returns a store on the data that there are.
func (s *suite) openAgain(tb testing.TB) storetest.Stores {
	tb.Helper()
	opened := openStore(tb, s.dsn, s.schema, func(o *pgstore.Options) {
		if s.change != nil {
			s.change(o)
		}
	})
	s.stores = append(s.stores, opened)
	return storetest.Stores{
		Jobs: opened, Callbacks: opened, Size: opened.Size, Ping: opened.Ping, DeliveriesDue: opened.DeliveriesDue,
		Reopen: func(tb testing.TB) storetest.Stores {
			tb.Helper()
			_ = opened.Close()
			return s.openAgain(tb)
		},
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

func TestUsageStore(t *testing.T) {
	db := pgtest.New(t)
	storetest.UsageStore(t, func(t *testing.T) (usage.Store, func() usage.Store) {
		t.Helper()
		schema := newSchema()
		return openStore(t, db.AdminDSN, schema), func() usage.Store { return openStore(t, db.AdminDSN, schema) }
	})
}
