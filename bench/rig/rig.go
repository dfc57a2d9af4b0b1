package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Main does the work of a command until it is done or interrupted. What it fails with is said under the command's name.
func Main(name string, work func(context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := work(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// Config says what to run.
type Config struct {
	Binary  string            // the Caddy with the product
	Files   map[string]string // of the catalog, by path
	Options string            // lines of the data_api block: at least one source
}

// Server is a running server.
type Server struct {
	Address string // HOST:PORT of the API

	config  Config
	dir     string
	command *exec.Cmd
	exited  chan struct{}
}

// Start runs a server until Stop is called, and returns when it serves.
func Start(ctx context.Context, config Config) (*Server, error) {
	dir, err := os.MkdirTemp("", "data-api-")
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, dir: dir}
	if err := s.configure(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := s.Begin(ctx); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// Path is where the server has a file of its own: catalog/, data-api.db, Caddyfile, log, admin.sock.
func (s *Server) Path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// PID is that of the process.
func (s *Server) PID() int { return s.command.Process.Pid }

// configure writes the catalog and the configuration.
func (s *Server) configure() error {
	for path, content := range s.config.Files {
		full := filepath.Join(s.dir, "catalog", filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.Address = listener.Addr().String()
	_ = listener.Close()
	caddyfile := fmt.Sprintf(`{
	admin unix/%[1]s/admin.sock
	auto_https off
	grace_period 5s
	servers {
		protocols h1
	}
	data_api {
		catalog %[1]s/catalog
		store bbolt %[1]s/data-api.db
		%[2]s
	}
}

http://%[3]s {
	data_api
}
`, s.dir, s.config.Options, s.Address)
	if err := os.WriteFile(filepath.Join(s.dir, "Caddyfile"), []byte(caddyfile), 0o600); err != nil {
		return err
	}
	return nil
}

// Begin runs the server on what [Start] has made, after an [Server.End], and returns when it serves.
func (s *Server) Begin(ctx context.Context) error {
	output, err := os.Create(s.Path("log"))
	if err != nil {
		return err
	}
	defer output.Close()
	exited := make(chan struct{})
	s.exited = exited
	s.command = exec.CommandContext(ctx, s.config.Binary, "run", "--config", filepath.Join(s.dir, "Caddyfile"))
	s.command.Env = s.environment()
	s.command.Stdout, s.command.Stderr = output, output
	if err := s.command.Start(); err != nil {
		return fmt.Errorf("%s: %w: build it with make bin/caddy-quick", s.config.Binary, err)
	}
	go func() {
		_ = s.command.Wait()
		close(exited)
	}()
	if err := s.ready(ctx); err != nil {
		s.End()
		return err
	}
	return nil
}

func (s *Server) environment() []string {
	return append(os.Environ(), "HOME="+s.dir, "XDG_DATA_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir)
}

// ready waits until the configuration serves.
func (s *Server) ready(ctx context.Context) error {
	client := s.Admin()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); {
		response, err := client.Get("http://127.0.0.1/data_api/catalog")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.exited:
			return fmt.Errorf("the server ended at once:\n%s", s.Log())
		case <-time.After(50 * time.Millisecond):
		}
	}
	log := s.Log()
	return fmt.Errorf("the server does not answer:\n%s", log[max(0, len(log)-4096):])
}

// Admin returns a client of the admin API, whatever host its URLs name.
func (s *Server) Admin() *http.Client { return UnixClient(s.Path("admin.sock")) }

// UnixClient speaks HTTP through a socket, whatever host its URLs name.
func UnixClient(socket string) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
}

// Reload has the server load its configuration again although it is the same, and returns when the new one is in force.
func (s *Server) Reload(ctx context.Context) error {
	text, err := os.ReadFile(s.Path("Caddyfile"))
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1/load", bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "text/caddyfile")
	request.Header.Set("Cache-Control", "must-revalidate")
	response, err := s.Admin().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(response.Body)
		return fmt.Errorf("a reload is answered with %s: %s", response.Status, answer)
	}
	return nil
}

// Log returns what the server has written to its log.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Stop ends the server and removes what it has written.
func (s *Server) Stop() {
	s.End()
	_ = os.RemoveAll(s.dir)
}

// End ends the server, and keeps what it has written.
func (s *Server) End() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		_ = s.command.Process.Kill()
		<-s.exited
	}
}

// Key is an API key with its secret.
type Key struct {
	ID     string `json:"api_key"`
	Secret string `json:"api_secret"`
}

// CreateKey makes a key of a user.
func (s *Server) CreateKey(ctx context.Context, company, user string) (key Key, err error) {
	printed, err := s.dataAPI(ctx, "keys", "create", "--company", company, "--user", user, "--json")
	if err != nil {
		return key, err
	}
	return key, json.Unmarshal([]byte(printed), &key)
}

// RevokeKey ends a key.
func (s *Server) RevokeKey(ctx context.Context, id string) error {
	_, err := s.dataAPI(ctx, "keys", "revoke", id)
	return err
}

func (s *Server) dataAPI(ctx context.Context, arguments ...string) (string, error) {
	arguments = append(append([]string{"data-api"}, arguments...), "--address", "unix/"+s.dir+"/admin.sock")
	command := exec.CommandContext(ctx, s.config.Binary, arguments...)
	command.Env = s.environment()
	var problem strings.Builder
	command.Stderr = &problem
	printed, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(arguments, " "), err, problem.String())
	}
	return string(printed), nil
}

// Token exchanges a key for an access token.
func (s *Server) Token(ctx context.Context, company string, key Key) (string, error) {
	body := fmt.Sprintf(`{"company_slug":%q,"api_key":%q,"api_secret":%q}`, company, key.ID, key.Secret)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Address+"/api/v1/auth/api-key", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var pair struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&pair); err != nil || pair.Access == "" {
		return "", fmt.Errorf("the exchange of a key is answered with %s: %w", response.Status, err)
	}
	return pair.Access, nil
}
