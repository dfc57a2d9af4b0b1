package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// program is the server as an operator has it: a Caddyfile, an admin API on a socket, and the commands of data-api, in this process. There
// can be one at a time, as of [running]. Package e2e tests what needs a process of its own: its kill, its stop, its memory.
type program struct {
	servertest.Client
	Dir       string
	caddyfile string // path
	port      int
}

// programConfig says how a program differs from the default one.
type programConfig struct {
	sources string            // lines of the data_api block
	options string            // further lines of the data_api block
	files   map[string]string // of the catalog, by path
}

// serveProgram starts a program, which ends with the test.
func serveProgram(t *testing.T, config programConfig) *program {
	t.Helper()
	s := &program{Client: servertest.Client{T: t}, Dir: t.TempDir(), port: servertest.FreePort(t)}
	s.Base = fmt.Sprintf("http://127.0.0.1:%d", s.port)
	s.CreateKey = s.createKey
	s.WriteCatalog("acme/company.yaml", servertest.CompanyFile)
	for path, content := range config.files {
		s.WriteCatalog(path, content)
	}
	s.caddyfile = filepath.Join(s.Dir, "Caddyfile")
	s.writeCaddyfile(config.sources, config.options)
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			t.Logf("log of the server:\n%s", s.log())
		}
	})
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	return s
}

// serveSales is a program over the consumer guide's table in SQLite.
func serveSales(t *testing.T) *program {
	t.Helper()
	e := servertest.Engines[0]
	return serveProgram(t, programConfig{sources: e.Source(t, t.TempDir(), servertest.Sales).Directive(), files: servertest.Files(e)})
}

// WriteCatalog writes a file of the catalog. It is renamed into place, as editors do, so that nobody sees half a file.
func (s *program) WriteCatalog(path, content string) {
	s.T.Helper()
	full := filepath.Join(s.Dir, "catalog", filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		s.T.Fatal(err)
	}
	s.write(full+"~", content)
	if err := os.Rename(full+"~", full); err != nil {
		s.T.Fatal(err)
	}
}

func (s *program) write(path, content string) {
	s.T.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.T.Fatal(err)
	}
}

func (s *program) writeCaddyfile(sources, options string) {
	s.T.Helper()
	s.write(s.caddyfile, fmt.Sprintf(`{
	admin %s
	persist_config off
	grace_period 10s
	storage file_system %s
	auto_https off
	log {
		output file %s {
			roll_disabled
		}
		format json
	}
	data_api {
		catalog %s
		store bbolt %s
		%s
		%s
	}
}

%s {
	data_api
}
`, s.adminAddress(), filepath.Join(s.Dir, "caddy"), filepath.Join(s.Dir, "log"), filepath.Join(s.Dir, "catalog"),
		filepath.Join(s.Dir, "data-api.db"), sources, options, s.Base))
}

func (s *program) adminAddress() string { return "unix/" + filepath.Join(s.Dir, "admin.sock") }

// content is the Caddyfile.
func (s *program) content() string { return s.read(s.caddyfile) }

// log is what the server has logged.
func (s *program) log() string { return s.read(filepath.Join(s.Dir, "log")) }

func (s *program) read(path string) string {
	s.T.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.T.Fatal(err)
	}
	return string(text)
}

// adapt makes Caddy's configuration of a Caddyfile.
func (s *program) adapt(caddyfile string) []byte {
	s.T.Helper()
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		s.T.Fatal(err)
	}
	return adapted
}

// load gives Caddy a configuration, and returns why it was rejected.
func (s *program) load(config []byte) error {
	s.T.Helper()
	err := caddy.Load(config, true)
	http.DefaultClient.CloseIdleConnections() // they lead to the server that is going: it would not read another request
	servertest.AwaitOneListener(s.port)
	return err
}

// reload gives Caddy the Caddyfile as it is.
func (s *program) reload() error {
	s.T.Helper()
	return s.load(s.adapt(s.content()))
}

// reconfigure changes a part of the Caddyfile, and reloads it.
func (s *program) reconfigure(part, changed string) {
	s.T.Helper()
	content := s.content()
	if !strings.Contains(content, part) {
		s.T.Fatalf("the Caddyfile has no %q: %s", part, content)
	}
	s.write(s.caddyfile, strings.Replace(content, part, changed, 1))
	if err := s.reload(); err != nil {
		s.T.Fatal(err)
	}
}

// cli runs `caddy data-api ARGS` for this server, and returns what it prints. What is wrong is in stderr, too.
func (s *program) cli(args ...string) (stdout, stderr string, err error) {
	registered := caddycmd.Commands()["data-api"]
	root, group := &cobra.Command{Use: "caddy", SilenceErrors: true, SilenceUsage: true}, &cobra.Command{Use: registered.Name}
	registered.CobraFunc(group)
	root.AddCommand(group)
	var out, errOut bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errOut)
	root.SetArgs(append(append([]string{registered.Name}, args...), "--address", s.adminAddress()))
	if err = root.ExecuteContext(s.T.Context()); err != nil {
		fmt.Fprintln(&errOut, err)
	}
	return out.String(), errOut.String(), err
}

func (s *program) mustCLI(args ...string) string {
	s.T.Helper()
	stdout, stderr, err := s.cli(args...)
	if err != nil {
		s.T.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}

// cliJSON runs a command and decodes what it prints.
func (s *program) cliJSON(target any, args ...string) {
	s.T.Helper()
	servertest.Answer{T: s.T, Body: []byte(s.mustCLI(append(args, "--json")...))}.Decode(target)
}

// mustRefuse runs commands that fail, and checks what they say.
func (s *program) mustRefuse(wanted map[string]string) {
	s.T.Helper()
	for line, want := range wanted {
		if out, stderr, err := s.cli(strings.Fields(line)...); err == nil || !strings.Contains(stderr, want) {
			s.T.Errorf("%s: %v %s%s", line, err, out, stderr)
		}
	}
}

func (s *program) createKey(company, user string) servertest.Credentials {
	s.T.Helper()
	var created servertest.Credentials
	if err := json.Unmarshal([]byte(s.mustCLI("keys", "create", "--company", company, "--user", user, "--json")), &created); err != nil || created.Secret == "" {
		s.T.Fatalf("keys create: %v", err)
	}
	return created
}
