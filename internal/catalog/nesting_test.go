package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

// Nesting that would take the parser gigabytes is refused before it parses.
func TestDeepNestingIsRefusedAtOnce(t *testing.T) {
	for name, yaml := range map[string]string{
		"lists":  "name: " + strings.Repeat("[", 250_000) + strings.Repeat("]", 250_000),
		"open":   "name: " + strings.Repeat("[", 500_000),
		"maps":   "name: " + strings.Repeat("{a: ", 100_000),
		"dashes": "users:\n  " + strings.Repeat("- ", 250_000),
		"keys":   strings.Repeat("? ", 250_000),
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			file := filepath.Join(root, "acme", "company.yaml")
			if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			_, err := catalog.Load(root, dialects...)
			if err == nil || !strings.Contains(err.Error(), "nested too deeply") {
				t.Errorf("got %v", err)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// What people write is far from the bound.
func TestDashesAreNoNesting(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "acme", "company.yaml")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	content := "# " + strings.Repeat("-", 200) + "\nname: Acme\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.Load(root, dialects...); err != nil {
		t.Error(err)
	}
}
