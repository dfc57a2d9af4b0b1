package watch

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// What appears in a directory before its watch begins has no event: it must be found all the same, or what changes in it later
// is not noticed until the next rescan.
func TestWhatAppearsMeanwhileIsWatched(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, made, meanwhile string }{
		{"the catalog comes back", "volume", "volume/catalog/acme/default"},
		{"a company's first namespace", "volume/catalog/acme", "volume/catalog/acme/default"},
		{"a company and its namespace", "volume/catalog", "volume/catalog/acme/default"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			directory := t.TempDir()
			w := New(filepath.Join(directory, "volume/catalog"), func(string) bool { return false }, slog.New(slog.DiscardHandler))
			defer w.Close()
			add, made := w.add, filepath.Join(directory, test.made)
			w.add = func(name string) error {
				if name == made {
					makeDirectories(t, filepath.Join(directory, test.meanwhile))
				}
				return add(name)
			}
			makeDirectories(t, made)
			w.Sync()
			if namespace := filepath.Join(directory, test.meanwhile); w.watched[namespace] == nil {
				t.Errorf("%s is not watched, but %v", namespace, w.watched)
			}
		})
	}
}

func makeDirectories(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}
