package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Where everything listens; examples/demo/Caddyfile says the same.
const (
	baseURL         = "http://localhost:3100"
	adminAddress    = "localhost:3102"
	receiverAddress = "127.0.0.1:3101"
	callbackURL     = "http://" + receiverAddress + "/webhook"
)

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second // the server's grace period is shorter
)

// use is an address that something listens at.
type use struct{ address, purpose string }

// serverPorts are those that one server needs.
var serverPorts = []use{
	{"127.0.0.1:3100", "the server"},
	{receiverAddress, "the receiver of callbacks"},
	{"127.0.0.1:3102", "the server's admin API"},
}

// portsFree reports which port is taken, if one is, before anything starts.
func portsFree(ctx context.Context, uses []use) error {
	var faults []error
	for _, use := range uses {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", use.address)
		switch {
		case err == nil:
			err = listener.Close()
		case errors.Is(err, syscall.EADDRINUSE):
			err = fmt.Errorf("%s, meant for %s, is taken: stop the program that listens there (another demo?) and try again",
				use.address, use.purpose)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// process says how a Caddy process is run.
type process struct {
	name   string
	config string   // file
	log    string   // file
	url    string   // where the API answers
	env    []string // beside the demo's own
}

// server is a Caddy process that the demo runs.
type server struct {
	process
	command *exec.Cmd
	ended   chan struct{} // closed when the process has ended
	exit    error         // how it ended; read it after ended is closed
}

// startServer starts program and returns at once. The process's output goes to a file; the last lines of it come with
// every failure. The caller stops it.
func startServer(program string, run process) (*server, error) {
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("the server's program is missing: %w; make demo builds it", err)
	}
	log, err := os.Create(run.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own handle
	state, err := filepath.Abs(filepath.Join(dataDir, "caddy"))
	if err != nil {
		return nil, err
	}

	// Stopped by stop rather than by a context, so that it ends gracefully.
	command := exec.Command(program, "run", "--config", run.config) //nolint:noctx,gosec // see above; the program and the file are the user's own
	command.Stdout, command.Stderr = log, log
	// Whatever Caddy keeps of its own stays with the demo's data, and also works where there is no home directory.
	command.Env = append(append(os.Environ(), "XDG_DATA_HOME="+state, "XDG_CONFIG_HOME="+state), run.env...)
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", run.name, err)
	}
	s := &server{process: run, command: command, ended: make(chan struct{})}
	go func() {
		s.exit = command.Wait()
		close(s.ended)
	}()
	return s, nil
}

// waitUntilReady blocks until the API answers, the process ends, ctx ends or a minute has passed.
func (s *server) waitUntilReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !answers(ctx, s.url) {
		select {
		case <-s.ended:
			return s.failure(s.name + " did not start")
		case <-ctx.Done():
			return s.failure(fmt.Sprintf("%s did not answer at %s: %v", s.name, s.url, context.Cause(ctx)))
		case <-ticker.C:
		}
	}
	return nil
}

// answers reports whether the API is up: without a token it must ask for one.
func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/auth/permissions", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusUnauthorized
}

// failure makes an error of what went wrong, with the end of the server's log.
func (s *server) failure(what string) error {
	const lines = 12
	content, err := os.ReadFile(s.log)
	if err != nil {
		return errors.Join(errors.New(what), err)
	}
	last := strings.Split(strings.TrimSpace(string(content)), "\n")
	last = last[max(0, len(last)-lines):]
	return fmt.Errorf("%s; the end of %s:\n  %s", what, s.log, strings.Join(last, "\n  "))
}

// stop ends the process and waits for it: gracefully when it can, by force when it takes too long.
func (s *server) stop() error {
	err := s.command.Process.Signal(syscall.SIGTERM)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return errors.Join(err, s.kill())
	}
	select {
	case <-s.ended:
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("%s did not stop within %s and was killed", s.name, stopTimeout), s.kill())
	}
}

func (s *server) kill() error {
	err := s.command.Process.Kill()
	<-s.ended
	return err
}
