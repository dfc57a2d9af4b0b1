package wholefile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/wholefile"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "one.sql")
	for mode, content := range map[fs.FileMode]string{0o600: "first", 0o644: ""} {
		if err := wholefile.Write(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(got) != content || info.Mode().Perm() != mode {
			t.Errorf("it has %q and %v, want %q and %v (%v, %v)", got, info.Mode(), content, mode, err, statErr)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if wholefile.Write(filepath.Join(dir, "taken"), nil, 0o600) == nil {
		t.Error("a directory is replaced by a file")
	}
	if wholefile.Write(filepath.Join(dir, "none", "x"), nil, 0o600) == nil {
		t.Error("a file is written where there is no directory")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
