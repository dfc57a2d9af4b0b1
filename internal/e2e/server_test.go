// Package e2e drives the real binary, built by xcaddy.sh, over HTTP and its command line.
package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/paralleltest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

func TestMain(m *testing.M) {
	paralleltest.AtOnce(4) // they wait for servers, which compute too
	os.Exit(m.Run())
}

// binary is built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("DATA_API_TEST_CADDY"); path != "" {
		return path, nil // a binary of this tree that was just built, such as that of `make bin/caddy-quick`
	}
	path, err := filepath.Abs("../../bin/caddy-e2e")
	if err != nil {
		return "", err
	}
	if err := lookAtSources(); err != nil {
		return "", err
	}
	build := exec.Command("../../xcaddy.sh", "--output", path)
	// Where git finds nothing, the program has no version. With one, which is another for each commit, the go command compiles everything again.
	build.Env = append(os.Environ(), "GIT_DIR=/nonexistent")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("xcaddy.sh: %w\n%s", err, output)
	}
	return path, nil
})

// lookAtSources lists the directories of what the binary is built of. The go command notes which ones a test has read: else it would repeat an
// old result although a package has changed that only the binary has.
func lookAtSources() error {
	var failed error
	for _, root := range []string{"../../caddyfile", "../../caddymodule", "../../internal", "../../source", "../../web/dist"} {
		failed = errors.Join(failed, filepath.WalkDir(root, func(_ string, _ fs.DirEntry, err error) error { return err }))
	}
	return failed
}

func builtBinary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// server is a running Caddy with a catalog, a store and an admin socket of its own.
type server struct {
	servertest.Client
	Dir       string
	caddyfile string // path
	port      int
	program   string // empty: the one that is built of this tree
	cmd       *exec.Cmd
	globals   string // lines of the global options
	store     string // of the data_api block
	sockets   []*os.File
	address   string
	prefix    []string
	exited    chan struct{}
	Log       *servertest.Log
}

// serverConfig says how a server differs from the default one.
type serverConfig struct {
	sources string            // lines of the data_api block
	options string            // further lines of the data_api block
	globals string            // further lines of the global options
	store   string            // line of the data_api block; default: a bbolt file of its own
	files   map[string]string // of the catalog, by path
	env     []string
	sockets []*os.File // inherited, from descriptor 3 on
	address string     // that it listens on; default: 127.0.0.1
	prefix  []string   // of its command
	program string     // default: built of this tree
}

// unstarted returns a server that has neither a catalog nor a Caddyfile.
func unstarted(t testing.TB) *server {
	t.Helper()
	s := &server{Client: servertest.Client{T: t}, Dir: t.TempDir(), address: "127.0.0.1", port: servertest.FreePort(t)}
	s.Base = fmt.Sprintf("http://%s:%d", s.address, s.port)
	s.CreateKey = s.createKey
	return s
}

func newServer(t testing.TB, config serverConfig) *server {
	t.Helper()
	s := unstarted(t)
	s.globals, s.sockets, s.store, s.prefix, s.program = config.globals, config.sockets, config.store, config.prefix, config.program
	s.address = cmp.Or(config.address, s.address)
	s.Base = fmt.Sprintf("http://%s:%d", s.address, s.port)
	s.WriteCatalog("acme/company.yaml", companyFile)
	for path, content := range config.files {
		s.WriteCatalog(path, content)
	}
	s.caddyfile = filepath.Join(s.Dir, "Caddyfile")
	s.writeCaddyfile(config.sources, config.options)
	s.start(config.env...)
	t.Cleanup(s.stop)
	return s
}

// on returns the server as a subtest sees it: what fails, fails that test.
func (s *server) On(t *testing.T) *server {
	seen := *s
	seen.T = t
	seen.CreateKey = seen.createKey
	return &seen
}

func (s *server) WriteCatalog(path, content string) {
	s.T.Helper()
	full := filepath.Join(s.Dir, "catalog", filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		s.T.Fatal(err)
	}
	// Renamed into place as editors do, so that the server never sees half a file.
	if err := os.WriteFile(full+"~", []byte(content), 0o600); err != nil {
		s.T.Fatal(err)
	}
	if err := os.Rename(full+"~", full); err != nil {
		s.T.Fatal(err)
	}
}

func (s *server) writeCaddyfile(sources, options string) {
	s.T.Helper()
	content := fmt.Sprintf(`{
	admin unix/%s
	grace_period 10s
	auto_https off
	servers {
		protocols h1 h2c
	}
	%s
	data_api {
		catalog %s
		%s
		%s
		%s
	}
}

%s {
	data_api
}
`, s.adminSocket(), s.globals, filepath.Join(s.Dir, "catalog"), cmp.Or(s.store, "store bbolt "+filepath.Join(s.Dir, "data-api.db")), sources, options, s.site())
	if err := os.WriteFile(s.caddyfile, []byte(content), 0o600); err != nil {
		s.T.Fatal(err)
	}
}

// site is the address of the site: a server that is not on the loopback interface answers whatever host is asked for, as behind
// a load balancer.
func (s *server) site() string {
	if s.address == "127.0.0.1" {
		return s.Base
	}
	return fmt.Sprintf("http://:%d", s.port)
}

func (s *server) binary() string {
	if s.program != "" {
		return s.program
	}
	return builtBinary(s.T)
}

func (s *server) adminSocket() string { return filepath.Join(s.Dir, "admin.sock") }

func (s *server) environment(extra ...string) []string {
	return append(append(os.Environ(), "HOME="+s.Dir, "XDG_DATA_HOME="+s.Dir, "XDG_CONFIG_HOME="+s.Dir), extra...)
}

// start runs the server and waits until it answers.
func (s *server) start(env ...string) {
	s.T.Helper()
	s.startCaddy(env...)
	s.awaitAdmin("/data_api/catalog")
}

// startCaddy runs the server and waits until Caddy has its configuration.
func (s *server) startCaddy(env ...string) {
	s.T.Helper()
	s.Log = new(servertest.Log)
	line := append(slices.Clone(s.prefix), s.binary(), "run", "--config", s.caddyfile)
	s.cmd = exec.Command(line[0], line[1:]...)
	s.cmd.Env = s.environment(env...)
	s.cmd.Stdout, s.cmd.Stderr = s.Log, s.Log
	s.cmd.ExtraFiles = s.sockets
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.T.Fatal(err)
	}
	s.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait()
		close(exited)
	}(s.cmd, s.exited)
	s.awaitAdmin("/config/")
}

// awaitAdmin waits until the admin API answers a path: Caddy serves HTTP a moment before the configuration counts as active for it.
func (s *server) awaitAdmin(path string) {
	s.T.Helper()
	client := &http.Client{Transport: unixTransport(s.adminSocket())}
	defer client.CloseIdleConnections()
	deadline := time.Now().Add(patience)
	for {
		response, err := client.Get("http://127.0.0.1" + path)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-s.exited:
			s.T.Fatalf("the server ended at once:\n%s", s.Log)
		default:
		}
		if time.Now().After(deadline) {
			s.T.Fatalf("the server does not answer:\n%s", s.Log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// kill ends the server as a power cut does, as far as processes go.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// stop ends the server in good order.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.T.Errorf("the server does not stop:\n%s", s.Log)
		s.kill()
	}
	if s.T.Failed() {
		s.T.Logf("log of the server:\n%s", s.Log)
	}
}

// cli runs a command of the binary and returns what it prints.
func (s *server) cli(args ...string) (stdout, stderr string, err error) {
	cmd := exec.Command(s.binary(), args...)
	cmd.Env = s.environment()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

func (s *server) mustCLI(args ...string) string {
	s.T.Helper()
	stdout, stderr, err := s.cli(args...)
	if err != nil {
		s.T.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}

// admin adds the flags that name this server's admin socket.
func (s *server) admin(args ...string) []string {
	return append(append([]string{"data-api"}, args...), "--address", "unix/"+s.adminSocket())
}

// reload gives the server its Caddyfile again, as it is now.
func (s *server) reload() error {
	s.T.Helper()
	content, err := os.ReadFile(s.caddyfile)
	if err != nil {
		s.T.Fatal(err)
	}
	if err := s.load(string(content)); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	http.DefaultClient.CloseIdleConnections() // they lead to the server that is going: it would not read another request
	servertest.AwaitOneListener(s.port)
	return nil
}

// load gives a Caddyfile to the admin API, as `caddy reload` does, without a process for each. Its error says why it is refused.
func (s *server) load(caddyfile string) error {
	s.T.Helper()
	status, said := s.requestAdmin(http.MethodPost, "/load", "text/caddyfile", caddyfile)
	if status != http.StatusOK {
		return fmt.Errorf("%d: %s", status, said)
	}
	return nil
}

// requestAdmin asks the admin API. Caddy replaces it at each reload: a connection that reaches the former one while it closes ends without
// an answer, and is made again.
func (s *server) requestAdmin(method, path, mediaType, body string) (status int, said []byte) {
	s.T.Helper()
	for tries := 0; ; tries++ {
		status, said, err := s.tryAdmin(method, path, mediaType, body)
		if err == nil {
			return status, said
		}
		if !errors.Is(err, io.EOF) || tries == 3 {
			s.T.Fatal(err)
		}
	}
}

func (s *server) tryAdmin(method, path, mediaType, body string) (status int, said []byte, err error) {
	request, err := http.NewRequestWithContext(s.T.Context(), method, "http://127.0.0.1"+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", mediaType)
	request.Header.Set("Cache-Control", "must-revalidate") // a configuration is loaded again that is the same
	client := &http.Client{Transport: unixTransport(s.adminSocket())}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	said, err = io.ReadAll(response.Body)
	return response.StatusCode, said, err
}

// reconfigure changes a part of the Caddyfile and reloads it.
func (s *server) reconfigure(part, changed string) {
	s.T.Helper()
	content, err := os.ReadFile(s.caddyfile)
	if err != nil {
		s.T.Fatal(err)
	}
	before, after, found := strings.Cut(string(content), part)
	if !found {
		s.T.Fatalf("the Caddyfile has no %q: %s", part, content)
	}
	if err := os.WriteFile(s.caddyfile, []byte(before+changed+after), 0o600); err != nil {
		s.T.Fatal(err)
	}
	if err := s.reload(); err != nil {
		s.T.Fatal(err)
	}
}

// createKey asks the admin API, as the command does: a process for each key would take longer than most tests.
func (s *server) createKey(company, user string) (created credentials) {
	s.T.Helper()
	s.askAdmin(http.MethodPost, "/data_api/keys", fmt.Sprintf(`{"company": %q, "user": %q}`, company, user), &created)
	return created
}

// askAdmin asks the admin API, and decodes its answer.
func (s *server) askAdmin(method, path, body string, answer any) {
	s.T.Helper()
	status, said := s.requestAdmin(method, path, "application/json", body)
	if err := json.Unmarshal(said, answer); err != nil || status >= http.StatusBadRequest {
		s.T.Fatalf("%s %s is answered %d %s: %v", method, path, status, said, err)
	}
}

// isExit reports whether a command ran and failed.
func isExit(err error) bool {
	_, ok := errors.AsType[*exec.ExitError](err)
	return ok
}
