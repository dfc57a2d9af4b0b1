package boltstore

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
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
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
	s := openStore(t, path, Options{})
	for i := range 40 {
		if err := s.update(t.Context(), put(fmt.Sprint("key", i), strings.Repeat("x", 300))); err != nil {
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
			s, err := Open(path, Options{})
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
			if report, err := Check(path, nil); err == nil && (len(report.Faults) != 1 || !report.Faults[0].Fatal) {
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
	openStore(t, path, Options{})
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
			openStore(t, path, Options{Logger: log.logger()})
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

// TestFileThatIsMovedAway moves the file of an open store, back again, and then lays another in its place.
func TestFileThatIsMovedAway(t *testing.T) {
	path := storePath(t)
	var log logged
	s := openStore(t, path, Options{Logger: log.logger()})
	if err := s.update(t.Context(), put("before", "1")); err != nil {
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
		if err := s.update(t.Context(), put("away", "1")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), path) {
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
	if err := errors.Join(s.update(t.Context(), put("back", "1")), accept()); err != nil {
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
	time.Sleep(2 * watchInterval)
	if n := strings.Count(log.String(), "level=ERROR"); n > 6 {
		t.Errorf("%d errors are logged for four changes", n)
	}
	move(elsewhere, path)
	if err := s.update(t.Context(), put("again", "1")); err != nil {
		t.Fatal(err)
	}
}

// TestFailedStoreMakesNoNewFile: a store whose file fails, and is gone by the time that it is opened again, must not go on
// with an empty one.
func TestFailedStoreMakesNoNewFile(t *testing.T) {
	path := storePath(t)
	s := openStore(t, path, Options{})
	s.commit = func(tx *bbolt.Tx) error {
		if err := os.Rename(path, path+".gone"); err != nil {
			return err
		}
		return errors.New("input/output error")
	}
	if err := s.update(t.Context(), put("lost", "1")); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	s.commit = (*bbolt.Tx).Commit
	if err := s.update(t.Context(), put("lost", "2")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a new file: %v", err)
	}
	if err := os.Rename(path+".gone", path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the store recovers", func() bool { return s.update(t.Context(), put("up", "1")) == nil })
}
