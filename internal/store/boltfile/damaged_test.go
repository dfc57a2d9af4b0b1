package boltfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

// damage makes a sound store's file into one that is not sound.
type damage func(t *testing.T, path string, used int64)

func cut(length func(used int64) int64) damage {
	return func(t *testing.T, path string, used int64) {
		t.Helper()
		if err := os.Truncate(path, length(used)); err != nil {
			t.Fatal(err)
		}
	}
}

func cutTo(bytes int64) damage { return cut(func(int64) int64 { return bytes }) }

// change changes the bytes of the file.
func change(do func(t *testing.T, text []byte)) damage {
	return func(t *testing.T, path string, _ int64) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		do(t, text)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func flip(at int) damage { return change(func(_ *testing.T, text []byte) { text[at] ^= 4 }) }

// flipPage flips a bit in the header of the page that holds a record's bytes.
func flipPage(near string, within int) damage {
	return change(func(t *testing.T, text []byte) {
		t.Helper()
		page := os.Getpagesize()
		for at := 2 * page; at+page <= len(text); at += page {
			if leaf := binary.NativeEndian.Uint16(text[at+8:]) == 2; leaf && bytes.Contains(text[at:at+page], []byte(near)) {
				text[at+within] ^= 4
			}
		}
	})
}

func replaceBy(content string) damage {
	return func(t *testing.T, path string, _ int64) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// rewrite changes records as another program would.
func rewrite(bucket, key, value string) damage {
	return func(t *testing.T, path string, _ int64) {
		t.Helper()
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(bucket))
			if err != nil {
				return err
			}
			return b.Put([]byte(key), []byte(value))
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// newer says that a program of tomorrow has written the file.
func newer(t *testing.T, path string, _ int64) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte("meta"))
		return errors.Join(meta.Put([]byte("schema"), []byte("99")), meta.Delete([]byte("layout")))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func foreign(t *testing.T, path string, used int64) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	rewrite("theirs", "some", "record")(t, path, used)
}

func directory(t *testing.T, path string, _ int64) {
	t.Helper()
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
}

func unreadable(t *testing.T, path string, _ int64) {
	t.Helper()
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
}

// sqlite is how a file of another database begins.
const sqlite = "SQLite format 3\x00"

// damages are all that can become of a store's file, and what is said of each.
var damages = map[string]struct {
	do   damage
	want string
}{
	"empty":                        {cutTo(0), "0 bytes"},
	"a byte":                       {cutTo(1), "cut short"},
	"half a page":                  {cutTo(2000), "cut short"},
	"the first page":               {cutTo(4096), "cut short"},
	"the meta pages":               {cutTo(8192), "cut short"},
	"half":                         {cut(func(used int64) int64 { return used / 2 }), "cut short"},
	"a byte less":                  {cut(func(used int64) int64 { return used - 1 }), "cut short"},
	"the first meta page":          {flip(16 + 16), "first of its two meta pages"},
	"the second meta page":         {flip(os.Getpagesize() + 16 + 40), "second of its two meta pages"},
	"the magic number":             {flip(16), "first of its two meta pages"},
	"a page's number":              {flipPage("acme", 0), "says that it is page"},
	"a page's kind":                {flipPage("acme", 8), "neither a leaf nor a branch"},
	"a page's count":               {flipPage("acme", 10), "damaged"},
	"a page's place of a record":   {flipPage("acme", 16+4), "is not where it should be"},
	"text":                         {replaceBy(strings.Repeat("Dear diary, ", 5000)), "is not a store"},
	"another database":             {replaceBy(sqlite + strings.Repeat("\x00", 50_000)), "is not a store"},
	"a bbolt file of others":       {foreign, "a bbolt database of another program"},
	"a newer version":              {newer, "a newer version of this program has written it"},
	"an unknown version":           {rewrite("meta", "schema", "99"), "it says"},
	"an older version, half moved": {rewrite("meta", "schema", "3"), "it says"},
	"no version":                   {rewrite("meta", "schema", ""), "it says"},
	"an unknown kind of record":    {rewrite("tomorrow", "some", "record"), "which this program does not know"},
	"a directory":                  {directory, "not a regular file"},
	"a file of somebody else":      {unreadable, "permission denied"},
}

// TestDamagedFilesAreRefused: a server does not start with any of them, and in particular not empty; nobody takes one for a
// backup; and nothing is lost by trying.
func TestDamagedFilesAreRefused(t *testing.T) {
	if len(damages) < 20 {
		t.Fatalf("%d damages", len(damages))
	}
	sound := filepath.Join(t.TempDir(), "sound.db")
	fill(t, sound, 60)
	for name, c := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			damaged, store := filepath.Join(dir, "damaged.db"), filepath.Join(dir, "store", "store.db")
			kept := fill(t, store, 2)
			content, used, err := boltfile.OpenCopy(sound)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := boltfile.Save(t.Context(), content, used, damaged, boltstore.Layout(), false, quiet); err != nil {
				t.Fatal(err)
			}
			content.Close()
			c.do(t, damaged, used)
			before, _ := os.ReadFile(damaged) // empty for what cannot be read

			asNobodyIf(t, name == "a file of somebody else", func() {
				_, err = boltstore.Open(damaged, boltstore.Options{Logger: slog.New(slog.DiscardHandler)})
			})
			wantError(t, "the server", err, c.want)
			wantError(t, "the server", err, "damaged.db")

			report, err := checkAs(t, name, damaged)
			if err == nil && report.Sound() {
				t.Errorf("check finds nothing: %+v", report)
			}
			t.Logf("check: %v %+v", err, report.Faults)

			asNobodyIf(t, name == "a file of somebody else", func() {
				_, err = boltfile.Restore(t.Context(), damaged, store, boltstore.Layout(), true, quiet)
			})
			if err == nil {
				t.Error("it was restored")
			}
			t.Logf("restore: %v", err)
			if after, _ := os.ReadFile(damaged); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
			if got := names(t, filepath.Dir(store)); got != "store.db" {
				t.Errorf("beside the store there is %s", got)
			}
			wantJobs(t, store, kept)
		})
	}
}

func asNobodyIf(t *testing.T, condition bool, do func()) {
	t.Helper()
	if condition {
		asNobody(t, do)
	} else {
		do()
	}
}

func checkAs(t *testing.T, name, path string) (report boltfile.Report, err error) {
	t.Helper()
	asNobodyIf(t, name == "a file of somebody else", func() { report, err = boltfile.Check(path, boltstore.Layout(), nil) })
	return report, err
}
