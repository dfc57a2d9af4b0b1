package callback_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/claim"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest/jobtest"
)

// patience is how long a test waits for what comes in a moment, unless the machine has other things to do.
const patience = time.Minute

var quiet = slog.New(slog.DiscardHandler)

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

// clock is a time that a test moves.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.now.Store(time.Now().UnixNano())
	return c
}

func (c *clock) Now() time.Time           { return time.Unix(0, c.now.Load()) }
func (c *clock) advance(by time.Duration) { c.now.Add(int64(by)) }

// got is a request that a receiver got.
type got struct {
	header http.Header
	body   []byte
	method string
}

// receiver is a real HTTP server that keeps what it gets, and answers as the test says.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []got
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := new(receiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		r.requests = append(r.requests, got{request.Header, body, request.Method})
		r.mu.Unlock()
		answer(w, request)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) host() string { return strings.TrimPrefix(r.URL, "http://") }

func (r *receiver) all() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.requests...)
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// endJob stores a job with this callback and result, ends it, and wakes the dispatcher if there is one.
func endJob(tb testing.TB, store job.Store, d *callback.Dispatcher, now time.Time, url, text string) job.ID {
	tb.Helper()
	ended := make(chan struct{})
	engine := job.NewEngine(store, job.Options{
		Logger: quiet, Now: func() time.Time { return now }, Ended: func(job.Job) { close(ended) },
	})
	attachment := engine.Attach(answer(text), job.Settings{})
	defer attachment.Detach()
	j, err := engine.Accept(context.Background(), job.Request{
		Company: "acme", User: "integration", CallbackURL: url, Params: json.RawMessage(`{}`),
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := engine.Start(context.Background()); err != nil {
		tb.Fatal(err)
	}
	<-ended
	if err := engine.Stop(context.Background()); err != nil {
		tb.Fatal(err)
	}
	if d != nil {
		d.Wake()
	}
	return j.ID
}

type answer string

func (answer) Authorize(context.Context, job.Job) error { return nil }

func (answer) TimeLimit(job.Job) time.Duration { return time.Minute }

func (a answer) Run(_ context.Context, _ job.Job, w io.Writer) (result.Summary, error) {
	if a == "fail" {
		return result.Summary{}, errors.New("SELECT secret")
	}
	_, err := io.WriteString(w, string(a))
	return result.Summary{}, err
}

func start(tb testing.TB, store *boltstore.Store, options callback.Options) *callback.Dispatcher {
	tb.Helper()
	options.Logger = quiet
	d := callback.NewDispatcher(store, store, options)
	if err := d.Start(context.Background()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := d.Stop(ctx); err != nil {
			tb.Error(err)
		}
	})
	return d
}

func attachTo(tb testing.TB, d *callback.Dispatcher, config callback.Config) *callback.Attachment {
	tb.Helper()
	attachment, err := d.Attach(config)
	if err != nil {
		tb.Fatal(err)
	}
	return attachment
}

// await waits until the delivery is as the test wants.
func await(tb testing.TB, store callback.Store, id job.ID, want func(callback.Delivery) bool) callback.Delivery {
	tb.Helper()
	deadline := time.Now().Add(patience)
	for {
		d, err := jobtest.FindDelivery(context.Background(), store, id)
		if err != nil {
			tb.Fatal(err)
		}
		if want(d) {
			return d
		}
		if time.Now().After(deadline) {
			tb.Fatalf("timed out; the delivery is %+v", d)
		}
		time.Sleep(time.Millisecond)
	}
}

func in(state callback.State) func(callback.Delivery) bool {
	return func(d callback.Delivery) bool { return d.State == state }
}

// tried is whether so many tries were made, at least: a late look finds more.
func tried(n int) func(callback.Delivery) bool {
	return func(d callback.Delivery) bool { return len(d.Log) >= n }
}

func TestRotatedSecretOverlaps(t *testing.T) {
	t.Parallel()
	store, clock := newStore(t), newClock()
	receiver := newReceiver(t, status(200))
	d := start(t, store, callback.Options{Now: clock.Now})
	attachTo(t, d, callback.Config{AllowedHosts: []string{receiver.host()}})
	old, err := d.Secret(t.Context(), "acme", "integration")
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := d.RotateSecret(t.Context(), "acme", "integration", time.Hour)
	if err != nil || renewed == old {
		t.Fatalf("%q, %v", renewed, err)
	}
	if shown, err := d.Secret(t.Context(), "acme", "integration"); !errors.Is(err, callback.ErrShown) {
		t.Errorf("the secret is shown again: %q, %v", shown, err)
	}
	verifies := func(i int, secret string) bool {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		return verifier.VerifyIgnoringTimestamp(receiver.all()[i].body, receiver.all()[i].header) == nil
	}
	await(t, store, endJob(t, store, d, clock.Now(), receiver.URL, "1"), in(callback.Delivered))
	clock.advance(time.Hour)
	await(t, store, endJob(t, store, d, clock.Now(), receiver.URL, "1"), in(callback.Delivered))
	if !verifies(0, old) || !verifies(0, renewed) || verifies(1, old) || !verifies(1, renewed) {
		t.Errorf("during the overlap: old %v, new %v; after it: old %v, new %v",
			verifies(0, old), verifies(0, renewed), verifies(1, old), verifies(1, renewed))
	}
}

func TestPermitAndAllowedHostsAreAskedAgain(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	receiver := newReceiver(t, status(200))
	d := start(t, store, callback.Options{})

	denied := attachTo(t, d, callback.Config{
		AllowedHosts: []string{receiver.host()},
		Authorize: func(_ context.Context, d callback.Delivery) error {
			return fmt.Errorf("user %s/%s is disabled", d.Company, d.User)
		},
	})
	delivery := await(t, store, endJob(t, store, d, time.Now(), receiver.URL, "1"), in(callback.Dead))
	if !strings.Contains(delivery.Log[0].Error, "acme/integration is disabled") {
		t.Errorf("log %+v", delivery.Log)
	}
	denied.Detach()

	attachTo(t, d, callback.Config{}) // the host is not allowed any more
	delivery = await(t, store, endJob(t, store, d, time.Now(), receiver.URL, "1"), tried(1))
	if delivery.State != callback.Pending || !strings.Contains(delivery.Log[0].Error, "https://") {
		t.Errorf("delivery %+v", delivery)
	}
	attachTo(t, d, callback.Config{
		AllowedHosts: []string{receiver.host()},
		Authorize:    func(context.Context, callback.Delivery) error { panic("oh no") },
	})
	delivery = await(t, store, endJob(t, store, d, time.Now(), receiver.URL, "1"), tried(1))
	if delivery.State != callback.Pending || !strings.Contains(delivery.Log[0].Error, "oh no") {
		t.Errorf("after a panic: %+v", delivery)
	}
	if len(receiver.all()) != 0 {
		t.Error("the receiver was called")
	}
	if _, err := d.Attach(callback.Config{AllowedHosts: []string{"nonsense"}}); err == nil {
		t.Error("a faulty list was attached")
	}
}

func TestDeliveriesSurviveARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	store := openStore(t, path)
	blocked := make(chan struct{})
	var calls atomic.Int32
	receiver := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			close(blocked)
			<-r.Context().Done()
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	config := callback.Config{AllowedHosts: []string{receiver.host()}}
	first := callback.NewDispatcher(store, store, callback.Options{Logger: quiet})
	attachTo(t, first, config)
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := endJob(t, store, first, time.Now(), receiver.URL, "1")
	<-blocked
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := first.Stop(ended); !errors.Is(err, context.Canceled) {
		t.Fatalf("Stop: %v", err)
	}
	delivery := await(t, store, id, in(callback.Pending))
	if delivery.Tries() != 0 || time.Until(delivery.NextAttempt) > 0 {
		t.Errorf("a try that was broken off counts: %+v", delivery)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store = openStore(t, path)
	attachTo(t, start(t, store, callback.Options{}), config)
	await(t, store, id, in(callback.Delivered))
}

func TestTriesAreBoundedAndAllArrive(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	var running, most atomic.Int32
	var once sync.Once
	full := make(chan struct{}) // closed when as many tries are under way as may be
	receiver := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
		n := running.Add(1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		if n == 3 {
			once.Do(func() { close(full) })
		}
		select {
		case <-full:
			time.Sleep(5 * time.Millisecond)
		case <-r.Context().Done():
		}
		running.Add(-1)
		w.WriteHeader(http.StatusOK)
	})
	var ids []job.ID
	for range 30 {
		ids = append(ids, endJob(t, store, nil, time.Now(), receiver.URL, "1"))
	}
	attachTo(t, start(t, store, callback.Options{Workers: 3, PerHost: 3, Timeout: patience}), callback.Config{AllowedHosts: []string{receiver.host()}})
	for _, id := range ids {
		await(t, store, id, in(callback.Delivered))
	}
	if n := len(receiver.all()); n != 30 || most.Load() != 3 {
		t.Errorf("%d requests, %d at the same time; want 30 and 3", n, most.Load())
	}
}

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	for range 100 {
		d := callback.NewDispatcher(store, store, callback.Options{Logger: quiet})
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if err := d.Start(context.Background()); err != nil && !errors.Is(err, claim.ErrStopped) {
					t.Error(err)
				}
			})
			group.Go(func() {
				attachment, err := d.Attach(callback.Config{})
				if err != nil {
					t.Error(err)
				}
				attachment.Detach()
				<-attachment.Done()
			})
			group.Go(func() {
				if err := d.Stop(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if err := d.Start(context.Background()); !errors.Is(err, claim.ErrStopped) {
			t.Fatalf("starting a stopped dispatcher: %v", err)
		}
	}
}

func TestTimestampIsFresh(t *testing.T) {
	t.Parallel()
	store, clock := newStore(t), newClock()
	receiver := newReceiver(t, status(200))
	d := start(t, store, callback.Options{Now: clock.Now})
	id := endJob(t, store, d, clock.Now(), receiver.URL, "1")
	clock.advance(48 * time.Hour) // the job has expired, and still is to be announced
	for more := true; more; {
		var err error
		if more, err = store.Sweep(t.Context(), clock.Now(), 100); err != nil {
			t.Fatal(err)
		}
	}
	attachTo(t, d, callback.Config{AllowedHosts: []string{receiver.host()}})
	await(t, store, id, in(callback.Delivered))
	request := receiver.all()[0]
	if stamp := request.header.Get("webhook-timestamp"); stamp != strconv.FormatInt(clock.Now().Unix(), 10) {
		t.Errorf("timestamp %s, want %d", stamp, clock.Now().Unix())
	}
	if !strings.Contains(string(request.body), `"result":1,`) {
		t.Errorf("body %s", request.body)
	}
}

// away is a store that gives no result for a while.
type away struct {
	*boltstore.Store
	failures atomic.Int64 // that are left
}

func (a *away) ReadChunk(ctx context.Context, id job.ID, n int, buffer []byte) ([]byte, error) {
	if a.failures.Add(-1) >= 0 {
		return nil, errors.New("the store is away")
	}
	return a.Store.ReadChunk(ctx, id, n, buffer)
}

// A result that cannot be read is no failure of the receiver: it uses up none of its tries.
func TestAStoreThatIsAwayIsNoTry(t *testing.T) {
	t.Parallel()
	store, clock := newStore(t), newClock()
	jobs := &away{Store: store}
	jobs.failures.Store(3)
	receiver := newReceiver(t, status(200))
	d := callback.NewDispatcher(store, jobs, callback.Options{Logger: quiet, Now: clock.Now})
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop(context.Background()) })
	attachTo(t, d, callback.Config{AllowedHosts: []string{receiver.host()}})
	id := endJob(t, store, d, clock.Now(), receiver.URL, "1")
	got := await(t, store, id, func(delivery callback.Delivery) bool {
		clock.advance(time.Second)
		d.Wake()
		return delivery.State == callback.Delivered
	})
	if got.Tries() != 1 || got.Forgiven != 3 || len(got.Log) != 1 {
		t.Errorf("the delivery is %+v", got)
	}
}
