package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

// A relative path says where it was looked for.
func TestARelativeRootSaysRelativeToWhat(t *testing.T) {
	directory := t.TempDir()
	t.Chdir(directory)
	directory, err := os.Getwd() // without links
	if err != nil {
		t.Fatal(err)
	}
	_, err = catalog.Load("./catalogue", dialects...)
	want := "catalogue:1:1: does not exist; it must be a directory with one directory for each company; a relative path begins at " +
		directory + ", where the program was started"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	missing := filepath.Join(directory, "catalogue")
	if _, err = catalog.Load(missing, dialects...); err == nil || strings.Contains(err.Error(), "relative") {
		t.Error(err)
	}
}

// What is ignored and may have been meant is a warning, with a way out.
func TestStrayFilesAreWarnings(t *testing.T) {
	root := build(t, files{
		"acme/company.yaml": "", "acme/default/s.sql": minimal, "acme/default/Sales_2026.psql": minimal, "acme/default/s.pgsql": minimal,
		"acme/default/s.yaml": "title: x", "acme/default/s.json": "{}", "acme/default/export.csv": "a", "acme/default/makefile": "",
		"acme/compny.yaml": "", "acme/notes.yml": "", "acme/default/README.md": "", "acme/default/.hidden": "", "acme/default/s.sql.bak": minimal,
	})
	snapshot, faults, warnings := catalog.Inspect(root, dialects...)
	if len(faults) > 0 || snapshot == nil {
		t.Fatal(faults)
	}
	const ignored = ":1:1: is ignored; the catalog reads <company>/company.yaml and <company>/<namespace>/<slug>.sql"
	const matter = "; what is to be said of an endpoint belongs in its own file, between the lines /*--- and ---*/"
	want := strings.Join([]string{
		"acme/compny.yaml" + ignored + "; did you mean company.yaml?",
		"acme/default/Sales_2026.psql" + ignored + "; did you mean sales-2026.sql?",
		"acme/default/export.csv" + ignored, "acme/default/makefile" + ignored,
		"acme/default/s.json" + ignored + matter, "acme/default/s.pgsql" + ignored + "; did you mean s.sql?", "acme/default/s.yaml" + ignored + matter,
		"acme/notes.yml" + ignored,
	}, "\n")
	if got := strings.ReplaceAll(warnings.Error(), root+string(filepath.Separator), ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// With a fault there is no snapshot, and the warnings are there all the same.
	write(t, root, "acme/default/t.sql", "SELECT 1")
	if snapshot, faults, warnings = catalog.Inspect(root, dialects...); snapshot != nil || len(faults) != 1 || len(warnings) != 8 {
		t.Errorf("%v, %d faults, %d warnings", snapshot, len(faults), len(warnings))
	}
}
