package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/token"
)

var errUnreadable = errors.New("the families cannot be read")

// halfStore is a store whose families cannot be read.
type halfStore struct {
	store.Store
	closed  atomic.Bool
	touched chan struct{} // its token keys were changed after it was closed
}

func (*halfStore) RevokedFamilies(context.Context) ([]token.Family, error) { return nil, errUnreadable }

func (h *halfStore) UpdateTokenKeys(
	ctx context.Context, change func([]token.KeyRecord) ([]token.KeyRecord, error),
) ([]token.KeyRecord, error) {
	if h.closed.Load() {
		select {
		case h.touched <- struct{}{}:
		default:
		}
	}
	return h.Store.UpdateTokenKeys(ctx, change)
}

func (h *halfStore) Close() error {
	h.closed.Store(true)
	return h.Store.Close()
}

// TestStoreThatFailsHalfWayIsLetGo: a ring of keys has a clock, which must not outlive the store.
func TestStoreThatFailsHalfWayIsLetGo(t *testing.T) {
	opened, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// A key whose last token expires in a moment, and the one that follows it.
	const longest = time.Hour
	ends := time.Now().Add(300 * time.Millisecond)
	signed := ends.Add(-longest - token.MaxLeeway - time.Minute)
	records := make([]token.KeyRecord, 2)
	for i := range records {
		if records[i], err = token.NewKeyRecord(token.EdDSA, append(make([]byte, 31), byte(i+1)), signed.Add(time.Duration(i-1)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		records[i].LongestToken = longest
	}
	records[0].SignsUntil = signed
	replaced := func([]token.KeyRecord) ([]token.KeyRecord, error) { return records, nil }
	if _, err := opened.UpdateTokenKeys(t.Context(), replaced); err != nil {
		t.Fatal(err)
	}
	half := &halfStore{Store: opened, touched: make(chan struct{}, 1)}
	shared := NewShared(BackendOptions{OpenStore: func() (store.Store, error) { return half, nil }, Logger: slog.New(slog.DiscardHandler)})
	if _, err := shared.Open(t.Context()); !errors.Is(err, errUnreadable) {
		t.Fatalf("opening: %v", err)
	}
	if !half.closed.Load() {
		t.Fatal("the store is still open")
	}
	select {
	case <-half.touched:
		t.Error("the ring's clock goes on without its store")
	case <-time.After(time.Until(ends) + time.Second):
	}
}

// TestStoreThatCannotBeOpenedHoldsNobodyUp: each attempt may take as long as another process may hold the file, and the
// requests that come meanwhile must not each wait for one of their own.
func TestStoreThatCannotBeOpenedHoldsNobodyUp(t *testing.T) {
	var attempts atomic.Int32
	refused := errors.New("another process holds it")
	begun, goOn := make(chan struct{}), make(chan struct{})
	shared := NewShared(BackendOptions{OpenStore: func() (store.Store, error) {
		if attempts.Add(1) == 1 {
			close(begun)
			<-goOn
		}
		return nil, refused
	}})
	var requests sync.WaitGroup
	for range 200 {
		requests.Go(func() {
			if _, err := shared.Open(context.Background()); !errors.Is(err, refused) {
				t.Errorf("got %v", err)
			}
		})
	}
	<-begun
	close(goOn)
	requests.Wait()
	if n := attempts.Load(); n > 20 { // one a second, on a machine however slow
		t.Errorf("200 requests opened the store %d times", n)
	}
}
