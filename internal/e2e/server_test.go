// Package e2e drives the real binary, built by xcaddy.sh, over HTTP and its command line.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("DATA_API_TEST_CADDY"); path != "" {
		return path, nil // a binary of this tree that was just built, such as that of `make bin/caddy-quick`
	}
	path, err := filepath.Abs("../../bin/caddy-e2e")
	if err != nil {
		return "", err
	}
	build := exec.Command("../../xcaddy.sh", "--output", path)
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("xcaddy.sh: %w\n%s", err, output)
	}
	return path, nil
})

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
	T         testing.TB
	Dir       string
	caddyfile string // path
	port      int
	cmd       *exec.Cmd
	globals   string // lines of the global options
	sockets   []*os.File
	exited    chan struct{}
	Log       *syncBuffer
}

// serverConfig says how a server differs from the default one.
type serverConfig struct {
	sources string            // lines of the data_api block
	options string            // further lines of the data_api block
	globals string            // further lines of the global options
	files   map[string]string // of the catalog, by path
	env     []string
	sockets []*os.File // inherited, from descriptor 3 on
}

const companyFile = `name: Acme
users:
  integration: { policies: [DataAPIConsumer] }
  powerless: { policies: [] }
`

func newServer(t testing.TB, config serverConfig) *server {
	t.Helper()
	s := &server{T: t, Dir: t.TempDir(), port: freePort(t), globals: config.globals, sockets: config.sockets}
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
		store bbolt %s
		%s
		%s
	}
}

http://127.0.0.1:%d {
	data_api
}
`, s.adminSocket(), s.globals, filepath.Join(s.Dir, "catalog"), filepath.Join(s.Dir, "data-api.db"), sources, options, s.port)
	if err := os.WriteFile(s.caddyfile, []byte(content), 0o600); err != nil {
		s.T.Fatal(err)
	}
}

func (s *server) adminSocket() string { return filepath.Join(s.Dir, "admin.sock") }

func (s *server) URL(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path) }

func (s *server) environment(extra ...string) []string {
	return append(append(os.Environ(), "HOME="+s.Dir, "XDG_DATA_HOME="+s.Dir, "XDG_CONFIG_HOME="+s.Dir), extra...)
}

// start runs the server and waits until it answers.
func (s *server) start(env ...string) {
	s.T.Helper()
	s.Log = new(syncBuffer)
	s.cmd = exec.Command(builtBinary(s.T), "run", "--config", s.caddyfile)
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
	// Caddy serves HTTP a moment before the configuration counts as active for its admin API.
	client := &http.Client{Transport: unixTransport(s.adminSocket())}
	defer client.CloseIdleConnections()
	deadline := time.Now().Add(patience)
	for {
		response, err := client.Get("http://127.0.0.1/data_api/catalog")
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
	cmd := exec.Command(builtBinary(s.T), args...)
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

func (s *server) reload() error {
	_, stderr, err := s.cli("reload", "--force", "--config", s.caddyfile, "--address", "unix/"+s.adminSocket())
	if err != nil {
		return fmt.Errorf("reload: %w\n%s", err, stderr)
	}
	http.DefaultClient.CloseIdleConnections() // they lead to the server that is going: it would not read another request
	return nil
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

// within fails the test when something took longer than a server on a machine at rest may let it. On a busy machine, where
// requests that need no work take their time too, it may be as much longer as fifty of them.
func (s *server) Within(what string, took, limit time.Duration) {
	s.T.Helper()
	if took <= limit {
		return
	}
	var control time.Duration
	for range 10 {
		begun := time.Now()
		s.Get("/.well-known/jwks.json", "").Want(http.StatusOK)
		control = max(control, time.Since(begun))
	}
	s.T.Logf("%s took %s instead of %s, while a request takes %s", what, took, limit, control)
	if took > limit+50*control {
		s.T.Errorf("%s took %s: it may take %s", what, took, limit)
	}
}

type credentials struct {
	Key    string `json:"api_key"`
	Secret string `json:"api_secret"`
}

func (s *server) CreateKey(company, user string) credentials {
	s.T.Helper()
	out := s.mustCLI(s.admin("keys", "create", "--company", company, "--user", user, "--json")...)
	var created credentials
	if err := json.Unmarshal([]byte(out), &created); err != nil || created.Secret == "" {
		s.T.Fatalf("keys create printed %q: %v", out, err)
	}
	return created
}

type tokens struct {
	Access           string `json:"access_token"`
	Refresh          string `json:"refresh_token"`
	AccessExpiresIn  int    `json:"access_token_expires_in"`
	RefreshExpiresIn int    `json:"refresh_token_expires_in"`
}

// login makes a key of the user and exchanges it.
func (s *server) Login(company, user string) tokens {
	s.T.Helper()
	return s.Exchange(company, s.CreateKey(company, user))
}

// createKeyAndLogin is login for a test that needs the key as well.
func (s *server) CreateKeyAndLogin(company, user string) (key credentials, access string) {
	s.T.Helper()
	key = s.CreateKey(company, user)
	return key, s.Exchange(company, key).Access
}

func (s *server) Exchange(company string, key credentials) tokens {
	s.T.Helper()
	body := fmt.Sprintf(`{"company_slug":%q,"api_key":%q,"api_secret":%q}`, company, key.Key, key.Secret)
	answer := s.Post("/api/v1/auth/api-key", "", body)
	answer.Want(http.StatusOK)
	var pair tokens
	answer.Decode(&pair)
	return pair
}

// answer is what a request got.
type answer struct {
	T      testing.TB
	Status int
	Header http.Header
	Body   []byte

	Trailer http.Header
}

func (a answer) Want(status int) answer {
	a.T.Helper()
	if a.Status != status {
		a.T.Fatalf("got %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

func (a answer) Decode(target any) {
	a.T.Helper()
	if err := json.Unmarshal(a.Body, target); err != nil {
		a.T.Fatalf("%v in %s", err, a.Body)
	}
}

// problem checks that the answer is this error.
func (a answer) Problem(status int, code string) answer {
	a.T.Helper()
	var problem struct {
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
	a.Want(status)
	if contentType := a.Header.Get("Content-Type"); contentType != "application/problem+json" {
		a.T.Fatalf("a %d of type %q: %s", a.Status, contentType, a.Body)
	}
	a.Decode(&problem)
	if problem.Status != status || problem.Code != code || problem.Detail == "" {
		a.T.Fatalf("want %d %s, got %s", status, code, a.Body)
	}
	if a.Header.Get("X-Request-Id") == "" {
		a.T.Fatal("an answer without X-Request-Id")
	}
	return a
}

// try sends a request without failing the test.
func (s *server) Try(ctx context.Context, method, path, token, body string) (answer, error) {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, s.URL(path), reader)
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return s.Do(request)
}

func (s *server) Do(request *http.Request) (answer, error) {
	return s.DoWith(http.DefaultClient, request)
}

func (s *server) DoWith(client *http.Client, request *http.Request) (answer, error) {
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return answer{s.T, response.StatusCode, response.Header, content, response.Trailer}, err
}

func (s *server) Post(path, token, body string) answer {
	s.T.Helper()
	got, err := s.Try(context.Background(), http.MethodPost, path, token, body)
	if err != nil {
		s.T.Fatal(err)
	}
	return got
}

func (s *server) Get(path, token string) answer {
	s.T.Helper()
	got, err := s.Try(context.Background(), http.MethodGet, path, token, "")
	if err != nil {
		s.T.Fatal(err)
	}
	return got
}

// execute runs an endpoint of the namespace default.
func (s *server) Execute(slug, token, parameters string) answer {
	s.T.Helper()
	return s.Post("/api/v1/data-api/default/"+slug+"/execute", token, `{"parameter_values":`+parameters+`}`)
}

// document is a job as polling shows it.
type document struct {
	ID     string          `json:"job_id"`
	Status string          `json:"status"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"error"`
	CreatedAt   string  `json:"created_at"`
	CompletedAt *string `json:"completed_at"`
}

// await polls until the job has ended.
func (s *server) Await(pollingURL, token string) document {
	s.T.Helper()
	deadline := time.Now().Add(patience)
	for {
		var job document
		s.Get(pollingURL, token).Want(http.StatusOK).Decode(&job)
		if job.Status != "processing" {
			return job
		}
		if time.Now().After(deadline) {
			s.T.Fatalf("job %s does not end", job.ID)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// syncBuffer is a buffer that a process writes to while a test reads.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// isExit reports whether a command ran and failed.
func isExit(err error) bool {
	_, ok := errors.AsType[*exec.ExitError](err)
	return ok
}
