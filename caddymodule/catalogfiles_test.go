package caddymodule_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// An endpoint's file is followed while the server runs, and what is wrong with it is told in the log and by the command.
func TestEndpointFilesAreReloaded(t *testing.T) {
	s := serveSales(t)
	token := s.Login("acme", "integration").Access
	s.Execute("fresh", token, `{}`).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	s.WriteCatalog("acme/default/fresh.sql", "/*---\nsource: main\n---*/\nSELECT 1 AS one")
	eventually(t, "a new file", func() bool { return s.Execute("fresh", token, `{}`).Status == http.StatusOK })

	s.WriteCatalog("acme/default/fresh.sql", "/*---\nsource: main\n---*/\nSELECT 2 AS two")
	eventually(t, "a changed file", func() bool { return strings.Contains(string(s.Execute("fresh", token, `{}`).Body), "two") })

	s.WriteCatalog("acme/default/fresh.sql", "/*---\nsource: main\nmode: slow\n---*/\nSELECT 3 AS three")
	eventually(t, "a fault is logged", func() bool { return strings.Contains(s.log(), "fresh.sql:3:7: mode must be sync or async") })
	if got := s.Execute("fresh", token, `{}`); !strings.Contains(string(got.Body), "two") {
		t.Errorf("the last good revision is gone: %s", got.Body)
	}
	s.WriteCatalog("acme/default/fresh.sql", "/*---\nsource: main\n---*/\nSELECT absent FROM nowhere")
	eventually(t, "a fault of SQL is logged", func() bool { return strings.Contains(s.log(), "nowhere") })
	if got := s.Execute("fresh", token, `{}`); !strings.Contains(string(got.Body), "two") {
		t.Errorf("the last good revision is gone: %s", got.Body)
	}
	if status := s.mustCLI("status", "--endpoints"); !strings.Contains(status, "\nacme/default/fresh ") || !strings.Contains(status, "\n\nPROBLEMS\n") ||
		!strings.Contains(status, "fresh.sql:4:20: no such table: nowhere; the last good revision stays live\n") {
		t.Errorf("status does not show the fault:\n%s", status)
	}
	if err := os.Remove(filepath.Join(s.Dir, "catalog/acme/default/fresh.sql")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a removed file", func() bool { return s.Execute("fresh", token, `{}`).Status == http.StatusNotFound })
}

// A text of the console that is too large is found by the check, so that a push publishes nothing, also where the site takes larger bodies.
func TestTextsThatAreTooLargeAreFoundByTheCheck(t *testing.T) {
	s := serveProgram(t, programConfig{
		sources: servertest.SQLite(t, t.TempDir(), servertest.Sales).Directive() + " {\n\t\t\tauthors acme\n\t\t}",
		files:   map[string]string{"acme/company.yaml": "users: { pipeline: { policies: [VisualizationManager] } }\n"},
	})
	if err := s.load(s.adapt(strings.Replace(s.content(), "\n\tdata_api\n}", "\n\tdata_api {\n\t\tmax_body 8MiB\n\t}\n}", 1))); err != nil {
		t.Fatal(err)
	}
	token := s.Login("acme", "pipeline").Access
	for size, status := range map[int]int{1 << 20: http.StatusOK, 1<<20 + 1: http.StatusRequestEntityTooLarge} {
		text := `/*---\nsource: main\n---*/\nSELECT 1 AS one`
		text += strings.Repeat(" ", size-len(text)+strings.Count(text, `\n`))
		checked := s.Send(http.MethodPost, "/api/v1/data-api/check", token, `{"namespace":"sales","slug":"large","text":"`+text+`"}`)
		if checked.Status != status {
			t.Errorf("%d bytes: %d %s", size, checked.Status, checked.Body)
		}
	}
}
