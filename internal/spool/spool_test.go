package spool_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/spool"
)

func content(size int) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte("x"), size))
		return err
	}
}

func mustGet(t *testing.T, s *spool.Spool, key string, write func(io.Writer) error) *spool.File {
	t.Helper()
	file, err := s.Get(t.Context(), key, write)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var errMadeAgain = errors.New("it is made again")

func again(io.Writer) error { return errMadeAgain }

func TestFileIsMadeOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := spool.New(1 << 20)
	var made atomic.Int32
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			file, err := s.Get(context.Background(), "a", func(w io.Writer) error {
				made.Add(1)
				return content(100_000)(w)
			})
			if err != nil {
				t.Error(err)
				return
			}
			defer file.Close()
			read, err := io.ReadAll(file)
			if err != nil || len(read) != 100_000 || file.Size() != 100_000 || sha256.Sum256(read) != file.Sum {
				t.Errorf("%d bytes of %d, %v", len(read), file.Size(), err)
			}
		})
	}
	readers.Wait()
	if made.Load() != 1 {
		t.Errorf("it was made %d times", made.Load())
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("there are names of files: %v, %v", left, err)
	}
}

func TestRoomIsMadeOfWhatNobodyReads(t *testing.T) {
	s := spool.New(1000)
	read := mustGet(t, s, "read", content(400))
	mustGet(t, s, "first", content(300)).Close()
	mustGet(t, s, "second", content(200)).Close()
	mustGet(t, s, "first", again).Close() // is read later than the second
	mustGet(t, s, "third", content(200)).Close()
	if _, err := s.Get(t.Context(), "second", again); !errors.Is(err, errMadeAgain) {
		t.Errorf("what was read longest ago is kept: %v", err)
	}
	mustGet(t, s, "first", again).Close()
	if _, err := s.Get(t.Context(), "large", content(601)); !errors.Is(err, spool.ErrNoRoom) {
		t.Errorf("more than there is room for: %v", err)
	}
	mustGet(t, s, "read", again).Close()
	large := mustGet(t, s, "large", content(600))
	if _, err := read.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(read); err != nil || len(all) != 400 {
		t.Errorf("what is read has %d bytes, %v", len(all), err)
	}
	read.Close()
	large.Close()
	s.Resize(600)
	if _, err := s.Get(t.Context(), "read", again); !errors.Is(err, errMadeAgain) {
		t.Errorf("a smaller spool keeps all: %v", err)
	}
	s.Close()
	if _, err := s.Get(t.Context(), "large", again); !errors.Is(err, errMadeAgain) {
		t.Errorf("a closed spool keeps files: %v", err)
	}
}

// counted makes a file, and counts how often.
func counted(made *int, size int) func(io.Writer) error {
	return func(w io.Writer) error {
		*made++
		return content(size)(w)
	}
}

func TestWhatIsTooLargeIsMadeOnce(t *testing.T) {
	s := spool.New(1000)
	made := 0
	for range 3 {
		if _, err := s.Get(t.Context(), "large", counted(&made, 1500)); !errors.Is(err, spool.ErrNoRoom) {
			t.Errorf("more than there is room for: %v", err)
		}
	}
	s.Resize(1499)
	if _, err := s.Get(t.Context(), "large", counted(&made, 1500)); !errors.Is(err, spool.ErrNoRoom) || made != 1 {
		t.Errorf("it was made %d times: %v", made, err)
	}
	mustGet(t, s, "another", counted(&made, 1400)).Close()
	s.Resize(1500)
	mustGet(t, s, "large", counted(&made, 1500)).Close()
	if made != 3 {
		t.Errorf("in a larger spool all together were made %d times", made)
	}
}

func TestWhatFindsNoRoomNowIsTriedAgain(t *testing.T) {
	s := spool.New(1000)
	made := 0
	read := mustGet(t, s, "read", content(600))
	if _, err := s.Get(t.Context(), "other", counted(&made, 500)); !errors.Is(err, spool.ErrNoRoom) {
		t.Errorf("beside what is read: %v", err)
	}
	read.Close()
	mustGet(t, s, "other", counted(&made, 500)).Close()
	if made != 2 {
		t.Errorf("it was made %d times", made)
	}
}

// What is known of files that are too large is bounded: some of very many are made again.
func TestFewTooLargeFilesAreRemembered(t *testing.T) {
	s := spool.New(1)
	const files, remembered = 1200, 1000
	ask := func() (made int) {
		for i := range files {
			if _, err := s.Get(t.Context(), fmt.Sprint(i), counted(&made, 2)); !errors.Is(err, spool.ErrNoRoom) {
				t.Fatal(err)
			}
		}
		return made
	}
	if made := ask(); made != files {
		t.Errorf("of %d files %d were made", files, made)
	}
	if again := ask(); again < files-remembered || again == files {
		t.Errorf("of %d files %d were made again", files, again)
	}
}

func TestMakerWhoGoesIsReplaced(t *testing.T) {
	s := spool.New(1000)
	begun, goOn := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := s.Get(context.Background(), "a", func(w io.Writer) error {
			close(begun)
			<-goOn
			return errors.Join(content(900)(w), context.Canceled)
		})
		done <- err
	}()
	<-begun
	waiting := make(chan *spool.File)
	go func() {
		file, err := s.Get(context.Background(), "a", content(900))
		if err != nil {
			t.Error(err)
		}
		waiting <- file
	}()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(gone, "a", again); !errors.Is(err, context.Canceled) {
		t.Errorf("who waits and goes: %v", err)
	}
	close(goOn)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	if file := <-waiting; file != nil && file.Size() != 900 {
		t.Errorf("the second has %d bytes", file.Size())
	}
}

func TestMakerThatPanicsHoldsNobodyUp(t *testing.T) {
	s := spool.New(1000)
	func() {
		defer func() { _ = recover() }()
		_, _ = s.Get(t.Context(), "a", func(io.Writer) error { panic("broken") })
	}()
	mustGet(t, s, "a", content(1000)).Close()
}

func TestWithoutADirectoryNothingIsKept(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/none")
	if _, err := spool.New(1000).Get(t.Context(), "a", content(1)); !errors.Is(err, spool.ErrNoRoom) {
		t.Error(err)
	}
}
