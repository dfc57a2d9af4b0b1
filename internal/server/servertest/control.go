package servertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Control tells how busy the machine is while something is timed. It sends requests, one after the other, to a server of its
// own that does nothing: one that the server under test answered would excuse what holds that up.
type Control struct {
	t testing.TB

	mu      sync.Mutex
	begun   time.Time     // of the request under way; zero: none is
	slowest time.Duration // of those that are done
}

const (
	// controlEvery is the pause between two requests: seldom enough to be no load.
	controlEvery = 20 * time.Millisecond

	// controlFactor is how many requests of the control what is timed may take more, on a busy machine.
	controlFactor = 50
)

// Control begins to send requests, before the time that is to be measured. It ends with the test.
func (c *Client) Control() *Control {
	control := &Control{t: c.T}
	idle := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { control.loop(ctx, idle) })
	c.T.Cleanup(func() {
		cancel()
		loop.Wait()
		idle.Close()
	})
	return control
}

func (k *Control) loop(ctx context.Context, idle *httptest.Server) {
	client := &Client{T: k.t, Base: idle.URL}
	ticker := time.NewTicker(controlEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		k.mark(time.Now())
		if _, err := client.Try(ctx, http.MethodGet, "/", "", ""); err != nil && ctx.Err() == nil {
			k.t.Errorf("the control of what is timed: %v", err)
			return
		}
		k.mark(time.Time{})
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// mark notes the beginning of a request, or, with no time, its end.
func (k *Control) mark(begun time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slowest = k.longest()
	k.begun = begun
}

// longest is what the slowest request has taken until now, that under way included. The caller holds mu.
func (k *Control) longest() time.Duration {
	if k.begun.IsZero() {
		return k.slowest
	}
	return max(k.slowest, time.Since(k.begun))
}

// Within fails the test when something that began after the control took longer than a server on a machine at rest may let
// it. On a busy machine, where requests that need no work took their time too, it may be as much longer as fifty of the
// slowest of them.
func (k *Control) Within(what string, took, limit time.Duration) {
	k.t.Helper()
	if took <= limit {
		return
	}
	k.mu.Lock()
	slowest := k.longest()
	k.mu.Unlock()
	k.t.Logf("%s took %s instead of %s, while a request that needs no work took up to %s", what, took, limit, slowest)
	if took > limit+controlFactor*slowest {
		k.t.Errorf("%s took %s: it may take %s", what, took, limit)
	}
}
