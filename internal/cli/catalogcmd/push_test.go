package catalogcmd

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

func run(t *testing.T, c command.Command, args ...string) (string, error) {
	t.Helper()
	cmd := c.Build(nil)
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func write(t *testing.T, directory, name, text string) {
	t.Helper()
	path := filepath.Join(directory, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const text = "/*---\nsource: main\n---*/\nSELECT regiao FROM vendas"

// serve starts a server on which a pipeline may publish, whose key is in the environment.
func serve(t *testing.T) *servertest.Server {
	t.Helper()
	s := servertest.New(t, servertest.Config{
		Database: servertest.SQLite(t, t.TempDir(), servertest.Sales),
		Files:    map[string]string{"acme/company.yaml": "users: { pipeline: { policies: [VisualizationManager] }, reader: { policies: [DataAPIConsumer] } }\n"},
		Settings: func(s *servertest.Settings) { s.Authors = map[string][]string{"main": {"acme"}} },
	})
	key := s.CreateKey("acme", "pipeline")
	t.Setenv(keyVariable, key.Key)
	t.Setenv(secretVariable, key.Secret)
	return s
}

// inFrontOf stands before a server, and has each request seen before it goes on.
func inFrontOf(t *testing.T, s *servertest.Server, see func(r *http.Request)) (base string) {
	t.Helper()
	to, err := url.Parse(s.Base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		see(r.Out)
		r.SetURL(to)
	}})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// TestPushOutlivesItsToken: a push of some hundred endpoints takes longer than a token lives.
func TestPushOutlivesItsToken(t *testing.T) {
	s := serve(t)
	puts, exchanges := 0, 0
	base := inFrontOf(t, s, func(r *http.Request) {
		switch {
		case r.URL.Path == dataapi.PathAPIKey:
			exchanges++
		case r.Method == http.MethodPut:
			if puts++; puts == 2 {
				r.Header.Set("Authorization", "Bearer of.yester.day")
			}
		}
	})
	directory := t.TempDir()
	write(t, directory, "sales/one.sql", text)
	write(t, directory, "sales/two.sql", text)
	out, err := run(t, Push, directory, "--url", base, "--company", "acme")
	if err != nil || out != "created sales/one\ncreated sales/two\n" || exchanges != 2 {
		t.Errorf("%v after %d exchanges: %s", err, exchanges, out)
	}
}

// TestPruneOfWhatIsGone: two pipelines delete the same.
func TestPruneOfWhatIsGone(t *testing.T) {
	s := serve(t)
	directory := t.TempDir()
	for _, slug := range []string{"one", "two", "three", "four"} {
		write(t, directory, "sales/"+slug+".sql", text)
	}
	if _, err := run(t, Push, directory, "--url", s.Base, "--company", "acme"); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(directory, "sales")); err != nil {
		t.Fatal(err)
	}
	write(t, directory, "sales/one.sql", text)
	token := s.Login("acme", "pipeline").Access
	base := inFrontOf(t, s, func(r *http.Request) {
		if r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/three") {
			s.Send(http.MethodDelete, r.URL.Path, token, "", "If-Match", "*").Want(http.StatusNoContent)
		}
	})
	out, err := run(t, Push, directory, "--url", base, "--company", "acme", "--prune")
	if err != nil || out != "deleted sales/four\ndeleted sales/two\n" {
		t.Errorf("%v: %s", err, out)
	}
}

// TestPushChecksWhatWouldBeRefused: nothing is published when a text is not UTF-8, which JSON would make another text of, or when the catalog
// serves a file at the address.
func TestPushChecksWhatWouldBeRefused(t *testing.T) {
	s := serve(t)
	s.WriteCatalog("acme/sales/two.sql", text)
	s.Reload()
	directory := t.TempDir()
	write(t, directory, "sales/one.sql", text)
	write(t, directory, "sales/two.sql", text+"\n-- two")
	at := []string{directory, "--url", s.Base, "--company", "acme"}
	out, err := run(t, Push, at...)
	if want := "sales/two.sql:1:1: the file acme/sales/two.sql of the catalog is served at this address"; err == nil || !strings.Contains(out, want) {
		t.Errorf("%v: %s", err, out)
	}
	write(t, directory, "sales/two.sql", "/*---\ntitle: Regi\xe3o\n"+strings.TrimPrefix(text, "/*---\n"))
	out, err = run(t, Push, at...)
	if err == nil || !strings.HasSuffix(err.Error(), "sales/two.sql:2:12: the file must be UTF-8; here is the byte 0xe3") {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := run(t, Pull, t.TempDir(), "--url", s.Base, "--company", "acme"); out != "0 endpoints, 0 files written\n" {
		t.Errorf("published: %s, %v", out, err)
	}
}

// TestPullLeavesOtherFilesAlone, also those beside an endpoint's, and also when it fails.
func TestPullLeavesOtherFilesAlone(t *testing.T) {
	s := serve(t)
	directory := t.TempDir()
	write(t, directory, "sales/one.sql", text)
	at := []string{directory, "--url", s.Base, "--company", "acme"}
	if out, err := run(t, Push, at...); err != nil {
		t.Fatal(out, err)
	}
	write(t, directory, "sales/one.sql", "mine")
	write(t, directory, "sales/one.sql.tmp", "mine too")
	if out, err := run(t, Pull, at...); out != "1 endpoint, 1 file written\n" {
		t.Error(out, err)
	}
	if err := os.Remove(filepath.Join(directory, "sales/one.sql")); err != nil {
		t.Fatal(err)
	}
	write(t, directory, "sales/one.sql/in the way", "")
	if out, err := run(t, Pull, at...); err == nil {
		t.Errorf("a directory was replaced: %s", out)
	}
	names, err := filepath.Glob(filepath.Join(directory, "sales", "*"))
	hidden, _ := filepath.Glob(filepath.Join(directory, "sales", ".*"))
	if kept, _ := os.ReadFile(filepath.Join(directory, "sales/one.sql.tmp")); err != nil || len(names) != 2 || len(hidden) > 0 || string(kept) != "mine too" {
		t.Errorf("%v %v %q, %v", names, hidden, kept, err)
	}
}

// TestPushAndPull publishes a directory and gets it back.
func TestPushAndPull(t *testing.T) {
	s := serve(t)
	directory := t.TempDir()
	at := []string{directory, "--url", s.Base, "--company", "acme"}
	write(t, directory, "sales/one.sql", text)
	write(t, directory, "sales/two.sql", text+"\n-- two")
	write(t, directory, "company.yaml", "name: ignored\n")

	want := func(what, want string, got string, err error) {
		t.Helper()
		if got != want || err != nil {
			t.Errorf("%s: %v\n got %q\nwant %q", what, err, got, want)
		}
	}
	out, err := run(t, Push, append(at, "--dry-run")...)
	want("a dry run", "created sales/one\ncreated sales/two\n", out, err)
	out, err = run(t, Push, append(at, "--message", "from a pipeline")...)
	want("the first push", "created sales/one\ncreated sales/two\n", out, err)
	out, err = run(t, Push, at...)
	want("a push of what is there", "", out, err)
	s.Post("/api/v1/data-api/sales/one/execute", s.Login("acme", "reader").Access, "{}").Want(200)

	// One file at fault keeps all others from being published.
	write(t, directory, "sales/one.sql", text+"\n-- changed")
	write(t, directory, "sales/three.sql", "/*---\nsource: main\nmode: sink\n---*/\nSELECT nothing FROM vendas")
	out, err = run(t, Push, at...)
	if err == nil || !strings.Contains(err.Error(), "2 faults; nothing is published") || !strings.Contains(out, filepath.Join(directory, "sales/three.sql")+":3:7: mode must be") {
		t.Errorf("%v: %s", err, out)
	}
	if err := os.Remove(filepath.Join(directory, "sales/three.sql")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(directory, "sales/two.sql")); err != nil {
		t.Fatal(err)
	}
	out, err = run(t, Push, append(at, "--prune")...)
	want("a push that prunes", "changed sales/one\ndeleted sales/two\n", out, err)

	pulled := t.TempDir()
	out, err = run(t, Pull, pulled, "--url", s.Base, "--company", "acme")
	want("a pull", "1 endpoint, 1 file written\n", out, err)
	if got, err := os.ReadFile(filepath.Join(pulled, "sales/one.sql")); string(got) != text+"\n-- changed" {
		t.Errorf("%q, %v", got, err)
	}
	out, err = run(t, Pull, pulled, "--url", s.Base, "--company", "acme")
	want("a pull of what is there", "1 endpoint, 0 files written\n", out, err)
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	directory := t.TempDir()
	at := []string{directory, "--url", "http://127.0.0.1:1", "--company", "acme"}
	_, err := run(t, Push, at...)
	if err == nil || !strings.Contains(err.Error(), "holds no NAMESPACE/SLUG.sql") {
		t.Error(err)
	}
	write(t, directory, "Sales/One.sql", "x")
	if _, err = run(t, Push, at...); err == nil || !strings.Contains(err.Error(), "Sales/One.sql: namespace and slug must be") {
		t.Error(err)
	}
	if err := os.RemoveAll(filepath.Join(directory, "Sales")); err != nil {
		t.Fatal(err)
	}
	write(t, directory, "sales/one.sql", "x")
	t.Setenv(keyVariable, "")
	if _, err = run(t, Push, at...); err == nil || !strings.Contains(err.Error(), "set DATA_API_KEY and DATA_API_SECRET") {
		t.Error(err)
	}
	if _, err = run(t, Push, directory, "--url", "localhost:3100", "--company", "acme"); err == nil || !strings.Contains(err.Error(), "it must be a URL with https or http") {
		t.Error(err)
	}
	if _, err = run(t, Push, directory); err == nil || !strings.Contains(err.Error(), "--url and --company are missing") {
		t.Error(err)
	}
}
