package callback_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// A receiver that does not answer holds its share of the workers, and others' callbacks pass it by.
func TestSlowReceiverHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	answers := make(chan struct{})
	var running, most atomic.Int32
	slow := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		select {
		case <-answers:
			w.WriteHeader(http.StatusOK)
		case <-r.Context().Done():
		}
	})
	quick := newReceiver(t, status(200))
	var held, passing []job.ID
	for range 20 {
		held = append(held, endJob(t, store, nil, time.Now(), slow.URL, "1"))
	}
	for range 5 {
		passing = append(passing, endJob(t, store, nil, time.Now(), quick.URL, "1"))
	}
	d := start(t, store, callback.Options{Workers: 4, PerHost: 2, Timeout: 10 * time.Minute})
	attachTo(t, d, callback.Config{AllowedHosts: []string{slow.host(), quick.host()}})
	for _, id := range passing {
		await(t, store, id, in(callback.Delivered))
	}
	for deadline := time.Now().Add(patience); running.Load() < 2; time.Sleep(time.Millisecond) { // it may still be connecting
		if time.Now().After(deadline) {
			t.Fatalf("the slow receiver has had %d requests, and %d wait", len(slow.all()), running.Load())
		}
	}
	if n := len(slow.all()); n != 2 {
		t.Errorf("the slow receiver has had %d requests", n)
	}
	close(answers)
	for _, id := range held {
		if got := await(t, store, id, in(callback.Delivered)); len(got.Log) != 1 {
			t.Errorf("waiting for a turn counts as a try: %+v", got.Log)
		}
	}
	if n := len(slow.all()); n != 20 || most.Load() > 2 {
		t.Errorf("%d requests, %d at the same time; want 20 and 2", n, most.Load())
	}
}
