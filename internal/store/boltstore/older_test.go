package boltstore_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

// TestOlderStoreAnswersAsBefore opens a file of layout 3, which an earlier version of this program has written, and asks
// what that version was asked.
func TestOlderStoreAnswersAsBefore(t *testing.T) {
	known, want := new(contents), make(map[string]string)
	if err := errors.Join(json.Unmarshal(testdata(t, "schema3.db.contents"), known),
		json.Unmarshal(testdata(t, "schema3.db.answers"), &want)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, testdata(t, "schema3.db"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := examine(path, known)
	if err != nil {
		t.Fatal(err)
	}
	for question, answer := range got {
		if strings.HasPrefix(answer, failure) {
			t.Errorf("%s: %s", question, answer)
		}
	}
	if wrong := wrongAnswers(want, got); len(wrong) > 0 {
		t.Errorf("other answers than before:\n%s", strings.Join(wrong, "\n"))
	}
	if report, err := boltfile.Check(path, boltstore.Layout(), nil); err != nil || len(report.Faults) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// testdata returns what is in a compressed file.
func testdata(t *testing.T, name string) []byte {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
