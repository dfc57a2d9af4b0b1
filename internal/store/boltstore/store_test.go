package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

func TestMain(m *testing.M) {
	if name, path, ok := strings.Cut(os.Getenv(ChildVariable), ":"); ok {
		if err := Children[name](path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func openStore(tb testing.TB, path string, options Options) *Store {
	tb.Helper()
	s, err := Open(path, options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// reopened opens a store in a file of its own as T, and returns what closes it and opens it again.
func reopened[T any](as func(*Store) T) func(t *testing.T) (T, func() T) {
	return func(t *testing.T) (T, func() T) {
		t.Helper()
		path := storePath(t)
		s := openStore(t, path, Options{})
		return as(s), func() T {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openStore(t, path, Options{})
			return as(s)
		}
	}
}

func storePath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "data", "store.db")
}

func put(key, value string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error { return in(tx, secretBucket).Put([]byte(key), []byte(value)) }
}

func (s *Store) value(tb testing.TB, key string) string {
	tb.Helper()
	value, err := s.readSecret(key)
	if err != nil {
		tb.Fatal(err)
	}
	return string(value)
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
	}
}

// logged is a log that can be read.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// closedStore makes a file with some records and returns its path.
func closedStore(t *testing.T) string {
	t.Helper()
	path := storePath(t)
	s := openStore(t, path, Options{})
	for i := range 40 {
		if err := s.Update(t.Context(), put(fmt.Sprint("key", i), strings.Repeat("x", 300))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// asOlder makes a file one of a layout before 4, as far as records go: none of them has a seal.
func asOlder(tx *bbolt.Tx, version string) error {
	for _, name := range append(layout.Buckets(), []byte("meta")) {
		bucket := tx.Bucket(name)
		if bucket == nil {
			continue
		}
		plain := make(map[string][]byte)
		err := bucket.ForEach(func(key, sealed []byte) error {
			if string(name) != "meta" || string(key) != "schema" {
				plain[string(key)] = bytes.Clone(sealed[8:])
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(plain)) {
			if err := bucket.Put([]byte(key), plain[key]); err != nil {
				return err
			}
		}
	}
	meta := tx.Bucket([]byte("meta"))
	if err := meta.Delete([]byte("layout")); err != nil {
		return err
	}
	return meta.Put([]byte("schema"), []byte(version))
}

func TestSecretIsMadeOnce(t *testing.T) {
	path := storePath(t)
	s := openStore(t, path, Options{})
	var group sync.WaitGroup
	got := make([]string, 32)
	for i := range got {
		group.Go(func() {
			secret, err := s.Secret("pepper", func() ([]byte, error) { return fmt.Appendf(nil, "made by %d", i), nil })
			if err != nil {
				t.Error(err)
			}
			got[i] = string(secret)
		})
	}
	group.Wait()
	for _, secret := range got {
		if secret != got[0] || secret == "" {
			t.Fatalf("callers disagree: %q", got)
		}
	}
	if _, err := s.Secret("empty", func() ([]byte, error) { return nil, nil }); err == nil {
		t.Error("an empty secret was kept")
	}
	sorry := errors.New("no entropy")
	if _, err := s.Secret("failed", func() ([]byte, error) { return nil, sorry }); !errors.Is(err, sorry) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openStore(t, path, Options{}).Secret("pepper", func() ([]byte, error) { return nil, errors.New("asked") })
	if err != nil || string(again) != got[0] {
		t.Fatalf("after reopening: %q, %v", again, err)
	}
}

// TestFileThatIsMovedAway moves the file of an open store, back again, and then lays another in its place.
func TestFileThatIsMovedAway(t *testing.T) {
	path := storePath(t)
	var log logged
	s := openStore(t, path, Options{Logger: log.logger()})
	if err := s.Update(t.Context(), put("before", "1")); err != nil {
		t.Fatal(err)
	}
	engine := job.NewEngine(s, job.Options{Logger: slog.New(slog.DiscardHandler)})
	accept := func() error {
		_, err := engine.Accept(t.Context(), job.Request{Company: "acme", User: "u", Address: dataapi.Address{Company: "acme"}})
		return err
	}
	if err := accept(); err != nil {
		t.Fatal(err)
	}
	elsewhere := path + ".elsewhere"
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(what string) {
		t.Helper()
		if err := s.Update(t.Context(), put("away", "1")); !errors.Is(err, boltfile.ErrUnavailable) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: a write got %v", what, err)
		}
		if err := accept(); !dataapi.HasCode(err, dataapi.CodeOverloaded) {
			t.Errorf("%s: a job got %v", what, err)
		}
		if _, _, err := s.Compact(t.Context()); err == nil {
			t.Errorf("%s: it was compacted, over whatever is there", what)
		}
		if s.value(t, "before") != "1" || s.value(t, "away") != "" {
			t.Errorf("%s: what was kept before cannot be read", what)
		}
	}

	move(path, elsewhere)
	refused("moved")
	eventually(t, "the log says where it is", func() bool { return strings.Contains(log.String(), elsewhere) })
	move(elsewhere, path)
	if err := errors.Join(s.Update(t.Context(), put("back", "1")), accept()); err != nil {
		t.Fatalf("moved back: %v", err)
	}
	eventually(t, "the log says that it is back", func() bool { return strings.Contains(log.String(), "is back") })

	// Nobody writes or reads: the store notices by itself.
	told := strings.Count(log.String(), "level=ERROR")
	move(path, elsewhere)
	eventually(t, "the log says so although nobody writes", func() bool { return strings.Count(log.String(), "level=ERROR") > told })
	other := closedStore(t)
	move(other, path)
	refused("another file in its place")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	refused("removed")
	time.Sleep(500 * time.Millisecond)
	if n := strings.Count(log.String(), "level=ERROR"); n > 6 {
		t.Errorf("%d errors are logged for four changes", n)
	}
	move(elsewhere, path)
	if err := s.Update(t.Context(), put("again", "1")); err != nil {
		t.Fatal(err)
	}
}
