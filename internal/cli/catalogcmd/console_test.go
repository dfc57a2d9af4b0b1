package catalogcmd

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

type silent struct{}

func (silent) Enabled() bool      { return false }
func (silent) Record(audit.Event) {}

// serveAdmin serves the admin API of a server, and returns its address.
func serveAdmin(t *testing.T, s *servertest.Server) string {
	t.Helper()
	mux := http.NewServeMux()
	for path, handle := range admin.Handlers(func() (*admin.Services, func(), error) {
		configuration := s.Configuration()
		return &admin.Services{
			Catalog: configuration.Catalog(), Documents: s.Services().Documents, Drafts: configuration.Drafts(), AuditLog: silent{},
		}, func() {}, nil
	}) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := handle(w, r); err != nil {
				failure, _ := errors.AsType[*dataapi.Error](err)
				http.Error(w, `{"error":`+quoted(failure.Detail)+`}`, failure.Code.Definition().Status)
			}
		})
	}
	listening := httptest.NewServer(mux)
	t.Cleanup(listening.Close)
	return listening.Listener.Addr().String()
}

func quoted(text string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

// TestFilesMoveToTheConsoleAndBack makes a company, takes files in, and gets them out.
func TestFilesMoveToTheConsoleAndBack(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.Config{
		Database: servertest.SQLite(t, t.TempDir(), servertest.Sales),
		Settings: func(s *servertest.Settings) { s.Authors = map[string][]string{"main": {"acme", "globex"}} },
	})
	address := serveAdmin(t, s)
	out, err := run(t, createCompany, "globex", "--name", "Globex: S.A.", "--admin", "ana", "--address", address)
	if err != nil || !strings.Contains(out, "console-link --company globex --user ana") {
		t.Fatal(out, err)
	}
	if _, err = run(t, createCompany, "globex", "--address", address); err == nil || !strings.Contains(err.Error(), "there is a company globex already") {
		t.Error(err)
	}
	if _, err = run(t, createCompany, "Globex!", "--address", address); err == nil || !strings.Contains(err.Error(), "must be 1 to 63") {
		t.Error(err)
	}
	token := s.Login("globex", "ana").Access

	directory := t.TempDir()
	const text = "/*---\nsource: main\n---*/\nSELECT regiao FROM vendas"
	write(t, directory, "sales/one.sql", text)
	out, err = run(t, importCatalog, directory, "--company", "globex", "--address", address)
	if err != nil || out != "1 endpoint, 1 changed\n" {
		t.Error(out, err)
	}
	if out, err = run(t, importCatalog, directory, "--company", "globex", "--address", address); err != nil || out != "1 endpoint, 0 changed\n" {
		t.Error(out, err)
	}
	servertest.Eventually(t, "the endpoint is served", servertest.Patience, func() bool {
		return s.Post("/api/v1/data-api/sales/one/execute", token, "{}").Status == http.StatusOK
	})
	write(t, directory, "sales/two.sql", "/*---\nsource: main\n---*/\nDELETE FROM vendas")
	if _, err = run(t, importCatalog, directory, "--company", "globex", "--address", address); err == nil ||
		!strings.Contains(err.Error(), "sales/two.sql:4:1: a statement must begin with") || strings.Contains(err.Error(), "console:") {
		t.Error(err)
	}
	if _, err = run(t, importCatalog, directory, "--company", "nobody", "--address", address); err == nil || strings.Contains(err.Error(), ".;") {
		t.Error(err)
	}
	exported := t.TempDir()
	if out, err = run(t, exportCatalog, exported, "--company", "globex", "--address", address); err != nil || out != "1 endpoint, 1 file written\n" {
		t.Error(out, err)
	}
	if got, err := os.ReadFile(filepath.Join(exported, "sales/one.sql")); string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
	if _, err = run(t, exportCatalog, exported, "--company", "nobody", "--address", address); err == nil {
		t.Error("the endpoints of no company are exported")
	}
}
