package pgstore_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

// listener is a server that hears of changes.
type listener struct {
	mu    sync.Mutex
	heard []string
	fails bool
}

func (l *listener) hear(_ context.Context, changes []store.Change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails {
		l.fails = false
		return errors.New("not now")
	}
	for _, change := range changes {
		l.heard = append(l.heard, string(change.Kind)+" "+change.Key)
	}
	return nil
}

func (l *listener) await(t *testing.T, want ...string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		l.mu.Lock()
		heard := slices.Clone(l.heard)
		l.mu.Unlock()
		if slices.Equal(heard, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("heard %q, want %q", heard, want)
		}
	}
}

// Each change is heard of once, in all servers, also one that is committed after a later one, and one that could not be taken in.
func TestChangesAreHeardOf(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	one, two := openReal(t, db.AdminDSN, pgstore.Options{}), openReal(t, db.AdminDSN, pgstore.Options{})
	var a, b listener
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	tell := func(key string) {
		t.Helper()
		if err := one.Tell(t.Context(), store.Change{Kind: store.Cache, Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	tell("before anybody follows")
	following.Go(func() { one.Follow(ctx, a.hear) })
	following.Go(func() { two.Follow(ctx, b.hear) })
	a.await(t, "cache before anybody follows")
	b.await(t, "cache before anybody follows")

	late, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Exec(t.Context(), `INSERT INTO data_api.changes (kind, key) VALUES ('cache', 'late')`); err != nil {
		t.Fatal(err)
	}
	tell("early")
	want := []string{"cache before anybody follows", "cache early"}
	a.await(t, want...)
	b.await(t, want...)
	time.Sleep(1200 * time.Millisecond) // what was heard of is not told again while an older transaction is open
	a.await(t, want...)
	b.mu.Lock()
	b.fails = true
	b.mu.Unlock()
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.await(t, append(want, "cache late")...)
	b.await(t, append(want, "cache late")...)
	cancel()
	following.Wait()
}

// Who catches up knows what was there, though nobody asks or signals by itself; many who do ask the database seldom.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	dsn := cluster.New(t).AdminDSN
	options := pgstore.Patient(pgstore.SignalsOnly(pgstore.Options{PollOnly: true}))
	one, two := openReal(t, dsn, options), openReal(t, dsn, options)
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := two.CatchUp(impatient); err == nil {
		t.Error("nobody follows, and it is said that all was heard of")
	}
	// A caller who asks a server that has just started waits until it follows.
	early := make(chan error, 1)
	go func() { early <- two.CatchUp(t.Context()) }()
	var heard listener
	follow(t, heard.hear, false, two)
	if err := <-early; err != nil {
		t.Error(err)
	}
	var want []string
	for i := range 50 {
		key := strconv.Itoa(i)
		if err := one.Tell(t.Context(), store.Change{Kind: store.Cache, Key: key}); err != nil {
			t.Fatal(err)
		}
		want = append(want, "cache "+key)
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				if err := two.CatchUp(t.Context()); err != nil {
					t.Error(err)
				}
				heard.mu.Lock()
				defer heard.mu.Unlock()
				if !slices.Equal(heard.heard, want) {
					t.Errorf("heard %q, want %q", heard.heard, want)
				}
			})
		}
		callers.Wait()
	}
	cluster.Stop(t)
	for range 10 {
		if err := two.CatchUp(t.Context()); err == nil {
			t.Fatal("the database is gone, and it is said that all was heard of")
		}
	}
}
