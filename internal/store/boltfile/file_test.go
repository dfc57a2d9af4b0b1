package boltfile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(compactVariable); path != "" {
		fmt.Fprintln(os.Stderr, compactHelper(path)) // it does not return unless it fails
		os.Exit(1)
	}
	if path := os.Getenv(cutVariable); path != "" {
		if err := cutInChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// testLayout is that of the files of these tests.
var (
	testLayout   = NewLayout()
	secretBucket = testLayout.Bucket("secrets", Named("secret"))
)

// nothing is what an older file of these tests needs.
var nothing = Migration{Move: func(*bbolt.Tx) error { return nil }, Remake: func(*bbolt.DB) error { return nil }}

func openAt(path string, options Options) (*File, error) {
	return Open(path, testLayout, nothing, options)
}

func openFile(tb testing.TB, path string, options Options) *File {
	tb.Helper()
	s, err := openAt(path, options)
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

func storePath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "data", "store.db")
}

func put(key, value string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error { return testLayout.In(tx, secretBucket).Put([]byte(key), []byte(value)) }
}

func (s *File) value(tb testing.TB, key string) string {
	tb.Helper()
	value, err := s.read(key)
	if err != nil {
		tb.Fatal(err)
	}
	return value
}

func (s *File) read(key string) (value string, err error) {
	err = s.View(func(tx *bbolt.Tx) error {
		kept, err := testLayout.In(tx, secretBucket).Get([]byte(key))
		value = string(kept)
		return err
	})
	return value, err
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	path := storePath(t)
	openFile(t, path, Options{})
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
}

func TestOpenNamesTheFileThatIsHeld(t *testing.T) {
	path := storePath(t)
	openFile(t, path, Options{})
	_, err := openAt(path, Options{LockTimeout: 20 * time.Millisecond})
	if err == nil || err.Error() != "another process holds "+path+": stop it, or configure another store" {
		t.Fatalf("got %v", err)
	}
}

func TestOpenRefusesForeignFiles(t *testing.T) {
	write := func(change func(*bbolt.Tx) error) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			t.Helper()
			db, err := bbolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Update(change); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	version := func(text string) func(t *testing.T, path string) {
		return write(func(tx *bbolt.Tx) error {
			meta, err := tx.CreateBucket(metaBucket)
			if err != nil {
				return err
			}
			return meta.Put(schemaKey, []byte(text))
		})
	}
	cases := []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"newer", version(strconv.Itoa(schema + 1)), fmt.Sprintf("a newer version of this program has written it: it has schema %d", schema+1)},
		{"not a number", version("x"), `the schema version "x" is not a number`},
		{"other program", write(func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte("etcd"))
			return err
		}), `a bbolt database of another program (it has a bucket "etcd")`},
		{"not bbolt", func(t *testing.T, path string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(strings.Repeat("text ", 5000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is not a store, or is damaged"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			c.make(t, path)
			s, err := openAt(path, Options{})
			if err == nil {
				_ = s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := openAt("", Options{}); err == nil {
		t.Error("an empty path was accepted")
	}
}

func TestUpdateIsDurable(t *testing.T) {
	path := storePath(t)
	s := openFile(t, path, Options{})
	if err := s.Update(t.Context(), put("a", "1")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := openFile(t, path, Options{}).value(t, "a"); got != "1" {
		t.Fatalf("got %q after reopening", got)
	}
}

// hold keeps the goroutine that commits busy until the returned function is called, so that what is written meanwhile
// shares the next transaction.
func hold(t *testing.T, s *File) (release func()) {
	t.Helper()
	begun, gate, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		done <- s.Update(context.Background(), func(*bbolt.Tx) error {
			once.Do(func() { close(begun) })
			<-gate
			return nil
		})
	}()
	<-begun
	return func() {
		close(gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
	}
}

func TestGroupSharesOneCommitAndFailuresUndoOnlyThemselves(t *testing.T) {
	s := openFile(t, storePath(t), Options{})
	var commits atomic.Int32
	s.commit = func(tx *bbolt.Tx) error {
		commits.Add(1)
		return tx.Commit()
	}
	release := hold(t, s)
	sorry := errors.New("sorry")
	errs := make([]error, 40)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			errs[i] = s.Update(context.Background(), func(tx *bbolt.Tx) error {
				key := fmt.Sprintf("k%d", i)
				switch i % 10 {
				case 7:
					return Refuse(sorry)
				case 8:
					_ = put(key, "x")(tx)
					return sorry
				case 9:
					_ = put(key, "x")(tx)
					panic("oh no")
				}
				return put(key, "x")(tx)
			})
		})
	}
	eventually(t, "all writes wait", func() bool { return s.writes.length() == len(errs) })
	release()
	group.Wait()
	if n := commits.Load(); n != 2 { // hold's own, and the group's; the failed ones commit nothing
		t.Errorf("%d commits, want 2", n)
	}
	for i, err := range errs {
		kept := s.value(t, fmt.Sprintf("k%d", i)) == "x"
		switch i % 10 {
		case 7, 8:
			if err != sorry || kept { //nolint:errorlint // the same error, unwrapped, is the promise
				t.Errorf("%d: got %v, kept %v", i, err, kept)
			}
		case 9:
			if err == nil || !strings.Contains(err.Error(), "oh no") || kept {
				t.Errorf("%d: got %v, kept %v", i, err, kept)
			}
		default:
			if err != nil || !kept {
				t.Errorf("%d: got %v, kept %v", i, err, kept)
			}
		}
	}
}

func TestUpdateWithdrawsWhatHasNotBegun(t *testing.T) {
	s := openFile(t, storePath(t), Options{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	never := func(*bbolt.Tx) error { t.Error("it ran"); return nil }
	if err := s.Update(ended, never); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	release := hold(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Update(ctx, never); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	release()
}

func TestCloseFinishesWaitingWritesAndRefusesNewOnes(t *testing.T) {
	path := storePath(t)
	s := openFile(t, path, Options{})
	release := hold(t, s)
	done := make(chan error, 1)
	go func() { done <- s.Update(context.Background(), put("late", "1")) }()
	eventually(t, "the write waits", func() bool { return s.writes.length() == 1 })
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	eventually(t, "the store closes", func() bool {
		s.writes.mu.Lock()
		defer s.writes.mu.Unlock()
		return s.writes.closed
	})
	if err := s.Update(t.Context(), put("later", "1")); !errors.Is(err, ErrClosed) {
		t.Errorf("update: %v", err)
	}
	release()
	if err := errors.Join(<-done, <-closed, s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.View(func(*bbolt.Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("view: %v", err)
	}
	if got := openFile(t, path, Options{}).value(t, "late"); got != "1" {
		t.Errorf("the write that waited is lost")
	}
}

func TestFullStoreRefusesAndGoesOn(t *testing.T) {
	s := openFile(t, storePath(t), Options{MaxSize: 1 << 20})
	big := strings.Repeat("x", 256<<10)
	var err error
	kept := 0
	for ; kept < 20 && err == nil; kept++ {
		err = s.Update(t.Context(), put(fmt.Sprintf("big%d", kept), big))
	}
	kept-- // the last one failed
	if !errors.Is(err, ErrNotCommitted) || !errors.Is(err, berrors.ErrMaxSizeReached) {
		t.Fatalf("got %v", err)
	}
	if kept < 1 || s.value(t, fmt.Sprintf("big%d", kept)) != "" {
		t.Fatalf("%d kept; a refused write is visible", kept)
	}
	for i := range kept {
		if s.value(t, fmt.Sprintf("big%d", i)) != big {
			t.Fatalf("acknowledged write %d is lost", i)
		}
	}
	err = s.Update(t.Context(), func(tx *bbolt.Tx) error { return tx.Bucket(secretBucket).Delete([]byte("big0")) })
	if err != nil {
		t.Fatalf("deleting in a full store: %v", err)
	}
	if err := s.Update(t.Context(), put("again", big)); err != nil {
		t.Fatalf("writing after space was made: %v", err)
	}
}

func TestFailedCommitIsReadBack(t *testing.T) {
	broken := errors.New("input/output error")
	path := storePath(t)
	s := openFile(t, path, Options{})

	t.Run("seen, then made durable", func(t *testing.T) {
		calls := 0
		s.commit = func(tx *bbolt.Tx) error {
			calls++
			if err := tx.Commit(); err != nil || calls > 1 {
				return err
			}
			return broken
		}
		if err := s.Update(t.Context(), put("seen", "1")); err != nil {
			t.Fatal(err)
		}
		if calls != 2 || s.value(t, "seen") != "1" {
			t.Errorf("%d commits, want 2: the second makes the first durable", calls)
		}
	})
	t.Run("seen, but the disk stays broken", func(t *testing.T) {
		s.commit = func(tx *bbolt.Tx) error { return errors.Join(broken, tx.Commit()) }
		if err := s.Update(t.Context(), put("maybe", "1")); !errors.Is(err, ErrUnknown) || !errors.Is(err, broken) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("not seen", func(t *testing.T) {
		s.commit = func(*bbolt.Tx) error { return broken }
		if err := s.Update(t.Context(), put("unseen", "1")); !errors.Is(err, ErrNotCommitted) || !errors.Is(err, broken) {
			t.Fatalf("got %v", err)
		}
		if s.value(t, "unseen") != "" {
			t.Error("it was written")
		}
	})
	t.Run("the file is gone to another process", func(t *testing.T) {
		s.options.Timeout = 10 * time.Millisecond
		var other *bbolt.DB
		s.commit = func(tx *bbolt.Tx) error {
			_ = tx.Rollback()
			// Another process takes the file in the moment in which it is closed.
			if err := s.db.Close(); err != nil {
				return err
			}
			db, err := bbolt.Open(path, 0o600, nil)
			other = db
			return errors.Join(broken, err)
		}
		if err := s.Update(t.Context(), put("unknown", "1")); !errors.Is(err, ErrUnknown) {
			t.Fatalf("got %v", err)
		}
		s.commit = (*bbolt.Tx).Commit
		if err := s.Update(t.Context(), put("down", "1")); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("update: got %v", err)
		}
		if err := s.View(func(*bbolt.Tx) error { return nil }); !errors.Is(err, ErrUnavailable) ||
			!strings.Contains(err.Error(), "another process holds "+path) {
			t.Fatalf("view: got %v", err)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the store recovers", func() bool { return s.Update(t.Context(), put("up", "1")) == nil })
		if s.value(t, "seen") != "1" || s.value(t, "up") != "1" || s.value(t, "down") != "" {
			t.Error("the store's contents are wrong after it recovered")
		}
	})
}

// TestPanicOfBboltEndsNothing: a page that is damaged while the file is open makes bbolt panic where it writes.
func TestPanicOfBboltEndsNothing(t *testing.T) {
	path := storePath(t)
	s := openFile(t, path, Options{Logger: slog.New(slog.DiscardHandler)})
	for name, panics := range map[string]func(*bbolt.Tx) error{
		"before anything is written": func(*bbolt.Tx) error { panic("assertion failed: Page expected to be: 7") },
		"in the middle": func(tx *bbolt.Tx) error {
			err := tx.Commit()
			panic(fmt.Sprint("a page that cannot be read", err))
		},
	} {
		s.commit = panics
		err := s.Update(t.Context(), put("lost "+name, "1"))
		if name == "in the middle" && err == nil || name != "in the middle" && !errors.Is(err, ErrNotCommitted) {
			t.Errorf("%s: got %v", name, err)
		}
		s.commit = (*bbolt.Tx).Commit
		eventually(t, "the store recovers", func() bool { return s.Update(t.Context(), put("up", name)) == nil })
		if s.value(t, "up") != name {
			t.Errorf("%s: the store does not keep what is written", name)
		}
	}
	// A transaction that cannot even be rolled back leaves bbolt with its locks taken.
	s.abandon(errors.New("it panicked in the middle of a rollback"))
	if err := s.Update(t.Context(), put("abandoned", "1")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("abandoned: got %v", err)
	}
	eventually(t, "the store recovers", func() bool { return s.Update(t.Context(), put("up", "again")) == nil })
}
