package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest"
	"github.com/solucao42/caddy-data-api/internal/store/storetest/jobtest"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

func TestConformanceOfOneStore(t *testing.T) {
	t.Parallel()
	suite := &suite{dsn: pgtest.New(t).AdminDSN}
	jobtest.Run(t, suite.open)
}

// TestConformanceShared runs the suite on several stores of one database.
func TestConformanceShared(t *testing.T) {
	for _, values := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d stores", values), func(t *testing.T) {
			t.Parallel()
			suite := &suite{dsn: pgtest.New(t).AdminDSN}
			jobtest.RunShared(t, values, suite.openShared)
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
	jobtest.RunShared(t, 2, suite.openShared)
}

// suite gives its tests, which run one after the other, the same schema, emptied: making one takes longer than most tests.
type suite struct {
	dsn    string
	change func(*pgstore.Options)

	schema string
	stores []*pgstore.Store
}

// open returns an empty store.
func (s *suite) open(tb testing.TB) jobtest.Stores {
	tb.Helper()
	for _, opened := range s.stores {
		_ = opened.Close()
	}
	s.stores = nil
	if s.schema == "" || strings.HasSuffix(tb.Name(), "/Size") { // what was deleted leaves room in the files
		s.schema = newSchema()
	}
	again := s.openAgain(tb)
	if err := s.stores[0].Empty(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return again
}

// openShared returns a store on the same data as those before it.
func (s *suite) openShared(tb testing.TB, before []jobtest.Stores) jobtest.Stores {
	tb.Helper()
	if len(before) == 0 {
		return s.open(tb)
	}
	return s.openAgain(tb)
}

// openAgain returns a store on the data that there are.
func (s *suite) openAgain(tb testing.TB) jobtest.Stores {
	tb.Helper()
	opened := openStore(tb, s.dsn, s.schema, func(o *pgstore.Options) {
		if s.change != nil {
			s.change(o)
		}
	})
	s.stores = append(s.stores, opened)
	return jobtest.Stores{
		Jobs: opened, Callbacks: opened, Size: opened.Size, Ping: opened.Ping, DeliveriesDue: opened.DeliveriesDue,
		Reopen: func(tb testing.TB) jobtest.Stores {
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

// reopened opens an empty store as T, and returns what opens the same again, as another server does. The tests of a suite, which run one after
// the other, have one schema.
func reopened[T any](db *pgtest.DB, as func(*pgstore.Store) T) func(t *testing.T) (T, func() T) {
	schema := newSchema()
	return func(t *testing.T) (T, func() T) {
		t.Helper()
		empty(t, db.AdminDSN, schema)
		open := func() T { return as(openStore(t, db.AdminDSN, schema)) }
		return open(), open
	}
}

// empty removes all that a schema holds, which is made if there is none.
func empty(t *testing.T, dsn, schema string) {
	t.Helper()
	opened := openStore(t, dsn, schema)
	if err := errors.Join(opened.Empty(t.Context()), opened.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestKeyStore(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	storetest.KeyStore(t, reopened(db, func(s *pgstore.Store) identity.KeyStore { return s }))
}

func TestFamilyStore(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	storetest.FamilyStore(t, reopened(db, func(s *pgstore.Store) token.FamilyStore { return s }))
}

func TestLinkStore(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	storetest.LinkStore(t, reopened(db, func(s *pgstore.Store) link.Store { return s }))
}

func TestTokenKeyStore(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	storetest.TokenKeyStore(t, reopened(db, func(s *pgstore.Store) token.KeyStore { return s }))
}

func TestUsageStore(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	storetest.UsageStore(t, reopened(db, func(s *pgstore.Store) usage.Store { return s }))
}
