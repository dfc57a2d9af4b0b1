package admin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

func TestAPurgeNamesWhatTheCatalogHas(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{"acme/company.yaml": "", "acme/default/test.sql": "/*---\nsource: x\n---*/\nSELECT 1 AS n\n"} {
		full := filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	snapshot, err := catalog.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ company, namespace, slug, want string }{
		{"", "", "", ""},
		{"acme", "", "", ""},
		{"acme", "default", "test", ""},
		{"acmee", "", "", `There is no company "acmee" in the catalog; did you mean "acme"?`},
		{"acme", "default", "tets", `The company acme has no endpoint "default/tets"; did you mean "default/test"?`},
		{"acme", "other", "thing", `The company acme has no endpoint "other/thing"; there is default/test.`},
	} {
		got := ""
		if err := checkPurged(snapshot, test.company, test.namespace, test.slug); err != nil {
			got = dataapi.AsError(err).Detail
		}
		if got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
}
