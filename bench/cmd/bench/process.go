package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that the benchmark has started.
type process struct {
	command *exec.Cmd
	exited  chan struct{}
	log     string // path
}

// startProcess runs a program in the background. It ends with stop, or with ctx.
func startProcess(ctx context.Context, log, dir string, environment []string, name string, args ...string) (*process, error) {
	output, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), environment...)
	command.Stdout, command.Stderr = output, output
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &process{command: command, exited: make(chan struct{}), log: log}
	go func() {
		_ = command.Wait()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int { return p.command.Process.Pid }

func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
		_ = p.command.Process.Kill()
		<-p.exited
	}
}

// ready waits until check succeeds, and fails with the process's last words when it ends before that.
func (p *process) ready(ctx context.Context, check func() error) error {
	deadline := time.Now().Add(time.Minute)
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.exited:
			return fmt.Errorf("it ended at once: %s", p.lastWords())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it is not ready after a minute: %w: %s", err, p.lastWords())
		}
	}
}

func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-6):], " | ")
}

// listens is a check that something listens at a local port.
func listens(port int) func() error {
	return func() error {
		conn, err := net.Dial("tcp", address(port))
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

func address(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// resetPeak makes the present memory of a process its peak.
func resetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// longestRun bounds a program that was started for one measure, or to install what is missing.
const longestRun = 5 * time.Minute

// run executes a program and returns what it prints.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	var errors strings.Builder
	command.Stderr = &errors
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(errors.String()))
	}
	return string(output), nil
}
