package execution_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/execution"
)

// TestDraftsAreForgotten saves a file at fault again and again, as an editor does: its statement is checked each time, and
// the snapshot never changes.
func TestDraftsAreForgotten(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("acme/company.yaml", "name: Acme\n")
	write("acme/default/live.sql", "/*---\nsource: open\n---*/\nSELECT 1 AS a")
	write("acme/default/edited.sql", "/*---\nsource: open\n---*/\nSELECT 1 AS a")
	queries := execution.NewQueries(execution.Sources{"open": telltale{}})
	files, err := catalog.Open(root, catalog.Options{
		Logger: slog.New(slog.DiscardHandler), Check: queries.Check, Forget: queries.Forget, Debounce: time.Hour, Rescan: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	files.OnChange(func(snapshot *catalog.Snapshot) { execution.NewPlan(snapshot, queries) })
	before := queries.Compiled()
	for i := range 50 {
		write("acme/default/edited.sql", fmt.Sprintf("/*---\nsource: open\ncolour: red\n---*/\nSELECT %d AS a", i))
		write("acme/default/new.sql", fmt.Sprintf("/*---\nsource: open\ncolour: red\n---*/\nSELECT %d AS b", i))
		if err := files.Reload(); err == nil {
			t.Fatal("a file with an unknown key has no fault")
		}
	}
	if n := queries.Compiled(); n > before+2 {
		t.Errorf("%d statements are held; %d are live, and 2 are drafts", n, before)
	}
	write("acme/default/edited.sql", "/*---\nsource: open\n---*/\nSELECT 2 AS a")
	write("acme/default/new.sql", "/*---\nsource: open\n---*/\nSELECT 2 AS b")
	if err := files.Reload(); err != nil {
		t.Fatal(err)
	}
	if n := queries.Compiled(); n < before+1 || n > before+2 { // the edited file's revision before may be asked for still
		t.Errorf("%d statements are held when all files are sound", n)
	}
}
