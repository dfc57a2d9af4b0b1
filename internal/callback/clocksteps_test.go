package callback_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
)

// Whatever somebody does to the clock, a try that is under way is not made a second time, and one that is put off does not
// wait longer.
func TestClockSteps(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	clockSteps(t, func() time.Time { return time.Now().Round(0).Add(time.Duration(offset.Load())) },
		func(by time.Duration) { offset.Add(int64(by)) })
}

// clockSteps steps the clock that now shows; nil is the system's.
func clockSteps(t *testing.T, now func() time.Time, step func(by time.Duration)) {
	t.Helper()
	store := newStore(t)
	answers := make(chan struct{})
	hanging := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-answers:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusOK)
	})
	var calls atomic.Int64
	fragile := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1)%2 == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	d := start(t, store, callback.Options{
		Now: now, Timeout: 5 * time.Minute, Schedule: []time.Duration{0, 200 * time.Millisecond, time.Second},
	})
	attachTo(t, d, callback.Config{AllowedHosts: []string{hanging.host(), fragile.host()}})
	long := announce(t, store, d, "acme", hanging.URL)
	for deadline := time.Now().Add(patience); len(hanging.all()) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for _, by := range []time.Duration{15 * time.Minute, 15 * time.Minute, -5 * time.Hour, 6 * time.Hour} {
		failing := announce(t, store, d, "acme", fragile.URL)
		await(t, store, failing, tried(1))
		step(by)
		await(t, store, failing, in(callback.Delivered))
		await(t, store, announce(t, store, d, "acme", fragile.URL), in(callback.Delivered))
		if n := len(hanging.all()); n != 1 {
			t.Fatalf("after a step by %s the callback that is on its way was sent %d times", by, n)
		}
	}
	close(answers)
	if got := await(t, store, long, in(callback.Delivered)); got.Attempt != 1 {
		t.Errorf("delivered with attempt %d", got.Attempt)
	}
}
