package callback

import (
	"math/rand/v2"
	"time"
)

// enter takes a worker, and one of those for the host if the host may have another one. The worker is taken in any case,
// which keeps a host's long queue from being claimed all at once.
func (d *Dispatcher) enter(delivery Delivery) (free func(), ok bool) {
	host := hostOf(delivery.URL)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running++
	if ok = d.byHost[host] < d.options.PerHost; ok {
		d.byHost[host]++
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.running--
		if !ok {
			return
		}
		if d.byHost[host]--; d.byHost[host] == 0 {
			delete(d.byHost, host)
		}
	}, ok
}

// hostBusy is how long a delivery waits whose host has as many tries as it may. It doubles, so that a long queue before
// a slow host costs little, and varies, so that the queue spreads.
func hostBusy(before int) time.Duration {
	delay := min(250*time.Millisecond<<min(before, 10), time.Minute)
	return delay/2 + rand.N(delay) //nolint:gosec // nothing depends on it being unpredictable
}
