package catalogcmd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/wholefile"
)

// readTree reads NAMESPACE/SLUG.sql below a directory: the directory of a company in a catalog, or one like it. Other files, and what
// begins with a dot, do not concern it. It fails with every name that cannot be an endpoint's.
func readTree(directory string) (texts map[string]string, err error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	paths, err := fs.Glob(root.FS(), "*/*.sql")
	if err != nil {
		return nil, err
	}
	var faults []error
	texts = make(map[string]string)
	for _, path := range paths {
		namespace, file, _ := strings.Cut(path, "/")
		slug := strings.TrimSuffix(file, ".sql")
		if strings.HasPrefix(namespace, ".") || strings.HasPrefix(file, ".") {
			continue
		}
		if !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug) {
			faults = append(faults, fmt.Errorf("%s: namespace and slug must be %s", filepath.Join(directory, path), dataapi.SlugRule))
			continue
		}
		text, err := fs.ReadFile(root.FS(), path)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		// JSON, in which texts are sent, cannot hold what is not UTF-8: another text would be checked, and kept.
		if found := document.TextFaults(filepath.Join(directory, path), text); len(found) > 0 {
			faults = append(faults, found)
			continue
		}
		texts[namespace+"/"+slug] = string(text)
	}
	if len(texts) == 0 && len(faults) == 0 {
		faults = append(faults, fmt.Errorf("%s holds no NAMESPACE/SLUG.sql: name the directory of one company", directory))
	}
	return texts, errors.Join(faults...)
}

// writeTree writes texts as readTree reads them, each file as a whole. It changes no other file.
func writeTree(directory string, texts map[string]string) (written []string, err error) {
	for _, at := range sorted(texts) {
		namespace, slug, _ := strings.Cut(at, "/")
		if !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug) {
			return written, fmt.Errorf("the server names an endpoint %q, which cannot be one", at)
		}
		path := filepath.Join(directory, namespace, slug+".sql")
		if before, err := os.ReadFile(path); err == nil && string(before) == texts[at] {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a server of another user reads the catalog
			return written, err
		}
		if err := wholefile.Write(path, []byte(texts[at]), 0o644); err != nil { // catalogs ignore the name that it has at first
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}

func sorted[V any](by map[string]V) []string { return slices.Sorted(maps.Keys(by)) }
