package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/paralleltest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

// helpers are what this program does in processes that tests start and harm, by the environment variable that asks for it.
var helpers = map[string]func(argument string) error{crashVariable: crashHelper}

func TestMain(m *testing.M) {
	for variable, helper := range helpers {
		if argument := os.Getenv(variable); argument != "" {
			fmt.Fprintln(os.Stderr, helper(argument)) // it does not return unless it fails
			os.Exit(1)
		}
	}
	paralleltest.AtOnce(8) // most of them wait for the disk
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what comes in a moment, unless the machine has other things to do.
const patience = time.Minute

// runtime runs jobs as a test wants.
type runtime struct {
	permit func(job.Job) error
	run    func(ctx context.Context, j job.Job, w io.Writer) error
	limit  time.Duration // 0: timeLimit
}

func (r runtime) Authorize(_ context.Context, j job.Job) error {
	if r.permit == nil {
		return nil
	}
	return r.permit(j)
}

// timeLimit is that of the jobs of tests.
const timeLimit = time.Minute

func (r runtime) TimeLimit(job.Job) time.Duration {
	if r.limit > 0 {
		return r.limit
	}
	return timeLimit
}

func (r runtime) Run(ctx context.Context, j job.Job, w io.Writer) (result.Summary, error) {
	if err := r.run(ctx, j, w); err != nil {
		return result.Summary{}, err
	}
	return result.Summary{RowCount: 1, Truncated: true}, nil
}

// answer writes this text as the result of every job.
func answer(text string) runtime {
	return runtime{run: func(_ context.Context, _ job.Job, w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}}
}

func openStore(tb testing.TB, path string) *boltstore.Store {
	tb.Helper()
	store, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	return store
}

func newStore(tb testing.TB) *boltstore.Store {
	tb.Helper()
	return openStore(tb, filepath.Join(tb.TempDir(), "store.db"))
}

var quiet = slog.New(slog.DiscardHandler)

// start makes a running engine that is stopped when the test ends.
func start(tb testing.TB, store job.Store, options job.Options) *job.Engine {
	tb.Helper()
	if options.Logger == nil {
		options.Logger = quiet
	}
	if options.Backoff == 0 {
		options.Backoff = time.Millisecond
	}
	engine := job.NewEngine(store, options)
	if err := engine.Start(context.Background()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { stop(tb, engine) })
	return engine
}

func stop(tb testing.TB, engine *job.Engine) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := engine.Stop(ctx); err != nil {
		tb.Error(err)
	}
}

func request() job.Request {
	return job.Request{
		Company: "acme", User: "integration", KeyID: "s42_key",
		Address:     dataapi.Address{Company: "acme", Namespace: "default", Slug: "relatorio"},
		Revision:    "r1",
		Params:      json.RawMessage(`{"mes":"2026-03"}`),
		PollingPath: func(id job.ID) string { return "/jobs/" + id.String() },
	}
}

func accept(tb testing.TB, engine *job.Engine) job.Job {
	tb.Helper()
	j, err := engine.Accept(context.Background(), request())
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

func wait(tb testing.TB, engine *job.Engine, id job.ID) job.Job {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	j, err := engine.Wait(ctx, id)
	if err != nil {
		tb.Fatalf("job %s: %v", id, err)
	}
	return j
}

func read(tb testing.TB, engine *job.Engine, id job.ID) string {
	tb.Helper()
	reader, err := engine.OpenResult(context.Background(), id)
	if err != nil {
		tb.Fatal(err)
	}
	defer reader.Close()
	text, err := io.ReadAll(reader)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("timed out: %s", what)
		}
	}
}

func TestJobIsAcceptedRunAndRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Int32
		engine := start(t, newStore(t), job.Options{Ended: func(job.Job) { ended.Add(1) }})
		var got atomic.Pointer[job.Job]
		engine.Attach(runtime{run: func(_ context.Context, j job.Job, w io.Writer) error {
			got.Store(&j)
			_, err := io.WriteString(w, `{"rows":[]}`)
			return err
		}}, job.Settings{Retention: time.Hour})
		before := time.Now()
		j := accept(t, engine)
		done := wait(t, engine, j.ID)
		if took := time.Since(before); took > 0 { // by a clock that goes on only when everybody waits
			t.Errorf("it took %v: the worker was not woken", took)
		}
		ran := got.Load()
		if ran.Attempt != 1 || string(ran.Params) != `{"mes":"2026-03"}` || ran.Address.Slug != "relatorio" || ran.KeyID != "s42_key" {
			t.Errorf("the runtime was given %+v", ran)
		}
		if done.Status != job.Completed || done.Error != nil || done.Result.RowCount != 1 || !done.Result.Truncated ||
			done.Running() || done.ExpiresAt.Sub(done.CompletedAt) != time.Hour || done.StartedAt.Before(j.CreatedAt) {
			t.Errorf("got %+v", done)
		}
		if done.PollingPath != "/jobs/"+j.ID.String() {
			t.Errorf("polling path %q", done.PollingPath)
		}
		if text := read(t, engine, j.ID); text != `{"rows":[]}` {
			t.Errorf("result %q", text)
		}
		synctest.Wait() // who waits for a job is told of its end before Ended is called
		if ended.Load() != 1 {
			t.Errorf("Ended was called %d times", ended.Load())
		}
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		err      error
		permit   error
		attempts int
		code     dataapi.Code
		detail   string
	}{
		{"own words", dataapi.Errorf(dataapi.CodeInvalidParameter, "mes is wrong"), nil, 1, dataapi.CodeInvalidParameter, "mes is wrong"},
		{"cause stays inside", errors.New("SELECT secret"), nil, 1, dataapi.CodeInternal, dataapi.CodeInternal.Definition().Detail},
		{"deadline", context.DeadlineExceeded, nil, 1, dataapi.CodeExecutionTimeout, dataapi.CodeExecutionTimeout.Definition().Detail},
		{"interrupted", dataapi.Wrap(dataapi.CodeExecutionInterrupted, errors.New("deadlock")), nil, 3, dataapi.CodeAttemptsExhausted,
			"The job was tried 3 times. The last attempt ended with EXECUTION_INTERRUPTED."},
		{"value refused", dataapi.Errorf(dataapi.CodeValueRefused, "no such month"), nil, 1, dataapi.CodeValueRefused, "no such month"},
		{"not permitted", nil, dataapi.Errorf(dataapi.CodeForbidden, "no longer"), 0, dataapi.CodeForbidden, "no longer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			engine := start(t, newStore(t), job.Options{})
			var runs atomic.Int32
			engine.Attach(runtime{
				permit: func(job.Job) error { return c.permit },
				run: func(context.Context, job.Job, io.Writer) error {
					runs.Add(1)
					return c.err
				},
			}, job.Settings{})
			j := wait(t, engine, accept(t, engine).ID)
			if j.Status != job.Failed || j.Error == nil || j.Error.Code != c.code || j.Error.Detail != c.detail {
				t.Errorf("got %s, %+v", j.Status, j.Error)
			}
			if int(runs.Load()) != c.attempts {
				t.Errorf("ran %d times, want %d", runs.Load(), c.attempts)
			}
			if _, err := engine.OpenResult(t.Context(), j.ID); !errors.Is(err, job.ErrNoResult) {
				t.Errorf("a failed job's result: %v", err)
			}
		})
	}
}

func TestSourceThatComesBackIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := start(t, newStore(t), job.Options{})
		var runs atomic.Int32
		engine.Attach(runtime{run: func(_ context.Context, _ job.Job, w io.Writer) error {
			if runs.Add(1) < 3 {
				_, _ = io.WriteString(w, strings.Repeat("what a broken attempt has written must not be seen", 100_000))
				return dataapi.Wrap(dataapi.CodeSourceUnavailable, errors.New("down"))
			}
			_, err := io.WriteString(w, `"back"`)
			return err
		}}, job.Settings{})
		j := wait(t, engine, accept(t, engine).ID)
		if j.Status != job.Completed || j.Attempt != 3 || read(t, engine, j.ID) != `"back"` {
			t.Errorf("got %+v", j)
		}
	})
}

func TestSourceThatIsBusyIsNoTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := start(t, newStore(t), job.Options{})
		var runs atomic.Int32
		engine.Attach(runtime{run: func(_ context.Context, _ job.Job, w io.Writer) error {
			if runs.Add(1) <= 5 {
				return dataapi.Wrap(dataapi.CodeOverloaded, errors.New("no connection came free"))
			}
			_, err := io.WriteString(w, `"at last"`)
			return err
		}}, job.Settings{})
		j := wait(t, engine, accept(t, engine).ID)
		if j.Status != job.Completed || j.Tries() != 1 || read(t, engine, j.ID) != `"at last"` {
			t.Errorf("got %+v", j)
		}
	})
}

func TestPanicFailsTheJobAndNothingElse(t *testing.T) {
	t.Parallel()
	engine := start(t, newStore(t), job.Options{})
	var runs atomic.Int32
	engine.Attach(runtime{run: func(_ context.Context, _ job.Job, w io.Writer) error {
		if runs.Add(1) == 1 {
			panic("oh no")
		}
		_, err := io.WriteString(w, "1")
		return err
	}}, job.Settings{Workers: 1})
	first := wait(t, engine, accept(t, engine).ID)
	if first.Status != job.Failed || first.Error.Code != dataapi.CodeInternal || strings.Contains(first.Error.Detail, "oh no") {
		t.Errorf("got %s, %+v", first.Status, first.Error)
	}
	if second := wait(t, engine, accept(t, engine).ID); second.Status != job.Completed {
		t.Errorf("the next job is %s", second.Status)
	}
}

func TestResultsOfAllSizes(t *testing.T) {
	t.Parallel()
	engine := start(t, newStore(t), job.Options{})
	sizes := []int{0, 1, job.BlockSize - 1, job.BlockSize, job.BlockSize + 1, 9*job.BlockSize + 17, 40 * job.BlockSize}
	text := func(size int) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, "%x,", i*i*2654435761)
		}
		return b.String()[:size]
	}
	for _, size := range sizes {
		want := text(size)
		attachment := engine.Attach(answer(want), job.Settings{})
		j := wait(t, engine, accept(t, engine).ID)
		attachment.Detach()
		if j.Result.Size != int64(size) || j.Result.Chunks != (size+job.BlockSize-1)/job.BlockSize {
			t.Errorf("size %d: result %+v", size, j.Result)
		}
		if got := read(t, engine, j.ID); got != want {
			t.Errorf("size %d: the result read differs from the one written (%d bytes)", size, len(got))
		}
		reader, err := engine.OpenResult(t.Context(), j.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, offset := range []int64{int64(size / 2), int64(size), 0, int64(max(size-1, 0))} {
			if _, err := reader.Seek(offset-int64(size), io.SeekEnd); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(struct{ io.Reader }{reader})
			if err != nil || string(rest) != want[offset:] {
				t.Errorf("size %d from %d: %d bytes, %v", size, offset, len(rest), err)
			}
		}
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Int64
		now.Store(time.Now().UnixNano())
		store := newStore(t)
		engine := start(t, store, job.Options{
			Now: func() time.Time { return time.Unix(0, now.Load()) }, SweepEvery: time.Millisecond,
		})
		engine.Attach(answer(`{}`), job.Settings{Retention: time.Minute})
		j := wait(t, engine, accept(t, engine).ID)
		now.Add(int64(time.Minute) - 1)
		time.Sleep(20 * time.Millisecond)
		if read(t, engine, j.ID) != `{}` {
			t.Error("the result is gone before it expires")
		}
		now.Add(1)
		if _, err := engine.Get(t.Context(), j.ID); !errors.Is(err, job.ErrNotFound) {
			t.Errorf("an expired job: %v", err)
		}
		if _, err := engine.OpenResult(t.Context(), j.ID); !errors.Is(err, job.ErrNotFound) {
			t.Errorf("an expired result: %v", err)
		}
		eventually(t, "the job is swept", func() bool {
			_, err := store.Get(t.Context(), j.ID)
			return errors.Is(err, job.ErrNotFound)
		})
	})
}

func TestQueueLimit(t *testing.T) {
	t.Parallel()
	engine := job.NewEngine(newStore(t), job.Options{Logger: quiet}) // not started: jobs wait
	engine.Attach(answer("1"), job.Settings{MaxWaiting: 3})
	for range 3 {
		accept(t, engine)
	}
	_, err := engine.Accept(t.Context(), request())
	if !dataapi.HasCode(err, dataapi.CodeOverloaded) {
		t.Fatalf("got %v", err)
	}
	other := request()
	other.Company = "globex"
	if _, err := engine.Accept(t.Context(), other); err != nil {
		t.Fatalf("another company: %v", err)
	}
}

func TestStoreThatCannotWriteIsOverloaded(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	engine := job.NewEngine(store, job.Options{Logger: quiet})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Accept(t.Context(), request()); !dataapi.HasCode(err, dataapi.CodeOverloaded) {
		t.Fatalf("got %v", err)
	}
	if err := engine.Start(t.Context()); !errors.Is(err, boltfile.ErrClosed) {
		t.Fatalf("start: %v", err)
	}
}

func TestWorkersAreBounded(t *testing.T) {
	t.Parallel()
	engine := start(t, newStore(t), job.Options{})
	var running, most atomic.Int32
	var once sync.Once
	full := make(chan struct{}) // closed when all workers are busy
	engine.Attach(runtime{run: func(ctx context.Context, _ job.Job, _ io.Writer) error {
		now := running.Add(1)
		for {
			seen := most.Load()
			if now <= seen || most.CompareAndSwap(seen, now) {
				break
			}
		}
		if now == 3 {
			once.Do(func() { close(full) })
		}
		select {
		case <-full:
			time.Sleep(5 * time.Millisecond)
		case <-ctx.Done():
		}
		running.Add(-1)
		return nil
	}}, job.Settings{Workers: 3})
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() { wait(t, engine, accept(t, engine).ID) })
	}
	group.Wait()
	if most.Load() != 3 {
		t.Errorf("%d jobs ran at the same time, want 3", most.Load())
	}
}
