//go:build unix

package job_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

const stoppedVariable = "DATA_API_TEST_STOPPED_STORE"

func init() { helpers[stoppedVariable] = stoppedHelper }

const shortLease = 600 * time.Millisecond

// sharedStore is a store that several processes use, as far as a worker uses one: it serves an embedded store to them. It
// notes what becomes of the writes of each attempt.
type sharedStore struct {
	*boltstore.Store
	mu     sync.Mutex
	writes []string
}

// Recover takes nothing away: other owners may live.
func (s *sharedStore) Recover(context.Context, string) (int, error) { return 0, nil }

// Write is a call of a worker in another process, and Answer what it gets.
type Write struct {
	Method  string
	Owner   string
	ID      job.ID
	Attempt int
	First   int
	Chunks  [][]byte
	Outcome job.Outcome
}

// Answer is what a call returns.
type Answer struct {
	Jobs []job.Job
	Err  string
}

// Call is served by net/rpc.
func (s *sharedStore) Call(w Write, answer *Answer) error {
	ctx, until := context.Background(), time.Now().Add(shortLease)
	var err error
	switch w.Method {
	case "Claim":
		answer.Jobs, _, err = s.Store.Claim(ctx, w.Owner, time.Now(), until, job.Capacity{Jobs: 1})
	case "Get": //nolint:usestdlibvars // a method of the store, not of HTTP
		var j job.Job
		j, err = s.Store.Get(ctx, w.ID)
		answer.Jobs = []job.Job{j}
	case "Extend":
		err = s.Store.Extend(ctx, w.ID, w.Attempt, until)
	case "Release":
		err = s.Store.Release(ctx, w.ID, w.Attempt, time.Time{}, false)
	case "AppendChunks":
		err = s.Store.AppendChunks(ctx, w.ID, w.Attempt, w.First, w.Chunks)
	case "Finish":
		_, err = s.Store.Finish(ctx, w.ID, w.Attempt, w.Outcome)
	}
	if w.Method == "AppendChunks" || w.Method == "Extend" || w.Method == "Finish" {
		s.mu.Lock()
		s.writes = append(s.writes, fmt.Sprintf("%s by attempt %d: %v", w.Method, w.Attempt, err))
		s.mu.Unlock()
	}
	if err != nil {
		answer.Err = err.Error()
	}
	return nil
}

// remoteStore is a sharedStore seen from another process. It ignores contexts: a write that was on its way when the
// process was stopped arrives. The engine uses no other methods.
type remoteStore struct {
	job.Store
	client *rpc.Client
}

func (r *remoteStore) call(w Write) ([]job.Job, error) {
	var answer Answer
	if err := r.client.Call("Store.Call", w, &answer); err != nil {
		return nil, err
	}
	for _, known := range []error{job.ErrLost, job.ErrNotFound, job.ErrMissingChunk} {
		if answer.Err == known.Error() {
			return nil, known
		}
	}
	if answer.Err != "" {
		return nil, errors.New(answer.Err)
	}
	return answer.Jobs, nil
}

func (r *remoteStore) Claim(_ context.Context, owner string, _, _ time.Time, _ job.Capacity) ([]job.Job, time.Time, error) {
	jobs, err := r.call(Write{Method: "Claim", Owner: owner})
	return jobs, time.Time{}, err
}

func (r *remoteStore) Get(_ context.Context, id job.ID) (job.Job, error) {
	jobs, err := r.call(Write{Method: "Get", ID: id})
	if err != nil {
		return job.Job{}, err
	}
	return jobs[0], nil
}

func (r *remoteStore) Extend(_ context.Context, id job.ID, attempt int, _ time.Time) error {
	_, err := r.call(Write{Method: "Extend", ID: id, Attempt: attempt})
	return err
}

func (r *remoteStore) Release(_ context.Context, id job.ID, attempt int, _ time.Time, _ bool) error {
	_, err := r.call(Write{Method: "Release", ID: id, Attempt: attempt})
	return err
}

func (r *remoteStore) AppendChunks(_ context.Context, id job.ID, attempt, first int, chunks [][]byte) error {
	_, err := r.call(Write{Method: "AppendChunks", ID: id, Attempt: attempt, First: first, Chunks: chunks})
	return err
}

func (r *remoteStore) Finish(_ context.Context, id job.ID, attempt int, outcome job.Outcome) (bool, error) {
	_, err := r.call(Write{Method: "Finish", ID: id, Attempt: attempt, Outcome: outcome})
	return err == nil, err
}

func (r *remoteStore) Sweep(context.Context, time.Time, int) (bool, error) { return false, nil }
func (r *remoteStore) Recover(context.Context, string) (int, error)        { return 0, nil }

// stoppedHelper is the worker that is stopped. Its runtime does not look at its context, as one that hangs in a system
// call does not, and goes on when it is told to.
func stoppedHelper(socket string) error {
	client, err := rpc.Dial("unix", socket)
	if err != nil {
		return err
	}
	engine := job.NewEngine(&remoteStore{client: client}, job.Options{Logger: quiet, Owner: "stopped", Lease: shortLease})
	goOn := bufio.NewReader(os.Stdin)
	engine.Attach(runtime{run: func(_ context.Context, j job.Job, w io.Writer) error {
		fmt.Fprintln(os.Stdout, "running", j.Attempt)
		if _, err := goOn.ReadString('\n'); err != nil {
			return err
		}
		_, err := io.WriteString(w, `"late"`)
		fmt.Fprintln(os.Stdout, "written", err)
		return err
	}}, job.Settings{Workers: 1})
	if err := engine.Start(context.Background()); err != nil {
		return err
	}
	select {}
}

// TestFaultsStoppedWorkerCannotWrite stops a worker's process for longer than its lease. Another one takes the job over. The
// first goes on then, and finds its writes refused.
func TestFaultsStoppedWorkerCannotWrite(t *testing.T) {
	store := &sharedStore{Store: newStore(t)}
	dir, err := os.MkdirTemp("", "store") //nolint:usetesting // t.TempDir can be too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer()
	if err := server.RegisterName("Store", store); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		server.ServeConn(connection) // until the worker's process ends
	})
	j := accept(t, job.NewEngine(store, job.Options{Logger: quiet}))

	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), stoppedVariable+"="+socket)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = listener.Close()
		serving.Wait()
	})
	lines := bufio.NewScanner(output)
	if !lines.Scan() || lines.Text() != "running 1" {
		t.Fatalf("the worker says %q", lines.Text())
	}
	if err := command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	engine := start(t, store, job.Options{Owner: "second", Lease: patience})
	engine.Attach(answer(`"in time"`), job.Settings{})
	done := wait(t, engine, j.ID)
	if done.Status != job.Completed || done.Attempt != 2 {
		t.Fatalf("the second worker made of it %+v", done)
	}
	if _, err := io.WriteString(input, "go on\n"); err != nil {
		t.Fatal(err)
	}
	if err := command.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "written") {
		t.Fatalf("the worker says %q", lines.Text())
	}
	refused := func(method string) bool {
		store.mu.Lock()
		defer store.mu.Unlock()
		for _, write := range store.writes {
			if write == fmt.Sprintf("%s by attempt 1: %v", method, job.ErrLost) {
				return true
			}
		}
		return false
	}
	eventually(t, "its chunk is refused", func() bool { return refused("AppendChunks") })
	// What it would have written in the end is refused as well.
	if _, err := store.Finish(t.Context(), j.ID, 1, job.Outcome{Status: job.Failed}); !errors.Is(err, job.ErrLost) {
		t.Errorf("its end: %v", err)
	}
	after, err := engine.Get(t.Context(), j.ID)
	if err != nil || after.Attempt != 2 || !after.CompletedAt.Equal(done.CompletedAt) || read(t, engine, j.ID) != `"in time"` {
		t.Errorf("the stopped worker has written: %+v, %v", after, err)
	}
	store.mu.Lock()
	t.Logf("the writes of the stopped worker: %q", store.writes)
	store.mu.Unlock()
}
