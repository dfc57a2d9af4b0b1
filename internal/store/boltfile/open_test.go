package boltfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"
)

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
	s := openFile(t, path, Options{})
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

func TestOpenRefusesWhatIsNoWholeStore(t *testing.T) {
	page := int64(os.Getpagesize())
	cut := func(size int64) func(string) error {
		return func(path string) error { return os.Truncate(path, size) }
	}
	flip := func(at int64) func(string) error {
		return func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text[at] ^= 4
			return os.WriteFile(path, text, 0o600)
		}
	}
	for name, c := range map[string]struct {
		damage func(string) error
		want   []string
	}{
		"empty":             {cut(0), []string{"0 bytes", "restore a backup of the file, or remove it"}},
		"less than a page":  {cut(100), []string{"cut short", "restore a backup"}},
		"the meta pages":    {cut(2 * page), []string{"cut short", "restore a backup"}},
		"a page less":       {cut(6 * page), []string{"cut short", "restore a backup"}},
		"first meta page":   {flip(50), []string{"first of its two meta pages", "restore a backup"}},
		"second meta page":  {flip(page + 50), []string{"second of its two meta pages", "restore a backup"}},
		"its size in pages": {flip(16 + 9), []string{"first of its two meta pages", "restore a backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := closedStore(t)
			if err := c.damage(path); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := openAt(path, Options{})
			if err == nil {
				_ = s.Close()
				t.Fatal("it was opened")
			}
			for _, want := range append(c.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed: %v", err)
			}
			if name == "empty" {
				return
			}
			if report, err := Check(path, testLayout, nil); err == nil && (len(report.Faults) != 1 || !report.Faults[0].Fatal) {
				t.Errorf("Check: %+v", report)
			}
		})
	}
}

// TestCreatingIsWholeOrNothing: what a killed process has left of a store that it was making is not one.
func TestCreatingIsWholeOrNothing(t *testing.T) {
	path := storePath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+createSuffix, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	openFile(t, path, Options{})
	if _, err := os.Stat(path + createSuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half is still there: %v", err)
	}
}

func TestOpenClosesTheFileToOthers(t *testing.T) {
	for before, want := range map[os.FileMode]os.FileMode{0o666: 0o640, 0o644: 0o640, 0o604: 0o600, 0o660: 0o640, 0o640: 0o640, 0o600: 0o600} {
		t.Run(fmt.Sprintf("%04o", before), func(t *testing.T) {
			path := closedStore(t)
			if err := os.Chmod(path, before); err != nil {
				t.Fatal(err)
			}
			var log logged
			openFile(t, path, Options{Logger: log.logger()})
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("the mode is %v, %v, want %04o", info.Mode(), err, want)
			}
			if warned := strings.Contains(log.String(), "level=WARN"); warned != (before != want) {
				t.Errorf("the log says %q", log.String())
			}
		})
	}
}

// TestFailedStoreMakesNoNewFile: a store whose file fails, and is gone by the time that it is opened again, must not go on
// with an empty one.
func TestFailedStoreMakesNoNewFile(t *testing.T) {
	path := storePath(t)
	s := openFile(t, path, Options{})
	s.commit = func(tx *bbolt.Tx) error {
		if err := os.Rename(path, path+".gone"); err != nil {
			return err
		}
		return errors.New("input/output error")
	}
	if err := s.Update(t.Context(), put("lost", "1")); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	s.commit = (*bbolt.Tx).Commit
	if err := s.Update(t.Context(), put("lost", "2")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a new file: %v", err)
	}
	if err := os.Rename(path+".gone", path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the store recovers", func() bool { return s.Update(t.Context(), put("up", "1")) == nil })
}
