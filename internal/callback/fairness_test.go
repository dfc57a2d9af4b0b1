package callback_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

// announce stores a job of a company that has ended, and whose end is to be announced.
func announce(tb testing.TB, store job.Store, d *callback.Dispatcher, company, url string) job.ID {
	tb.Helper()
	now := time.Now()
	j := job.Job{ID: job.NewID(now), Company: company, User: "integration", CallbackURL: url, Status: job.Processing, CreatedAt: now}
	if err := store.Accept(context.Background(), j, job.Quota{}); err != nil {
		tb.Fatal(err)
	}
	outcome := job.Outcome{Status: job.Cancelled, CompletedAt: now, ExpiresAt: now.Add(time.Hour)}
	if _, err := store.Finish(context.Background(), j.ID, 0, outcome); err != nil {
		tb.Fatal(err)
	}
	if d != nil {
		d.Wake()
	}
	return j.ID
}

func announceMany(tb testing.TB, store job.Store, company string, n int, url func(i int) string) {
	tb.Helper()
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { announce(tb, store, nil, company, url(i)) })
	}
	group.Wait()
}

// silentHost accepts connections and never answers.
type silentHost struct {
	port       string
	open, most atomic.Int32
}

func newSilentHost(t *testing.T, address string) *silentHost {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	h := &silentHost{port: port}
	var group sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); group.Wait() })
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			n := h.open.Add(1)
			h.most.Store(max(h.most.Load(), n))
			group.Go(func() {
				defer h.open.Add(-1)
				defer conn.Close()
				buffer := make([]byte, 4096)
				for {
					if _, err := conn.Read(buffer); err != nil {
						return // the other side has given up
					}
				}
			})
		}
	})
	return h
}

// giveUp ends the tries that hang when the test is over.
func giveUp(t *testing.T, store *boltstore.Store, options callback.Options) *callback.Dispatcher {
	t.Helper()
	options.Logger = quiet
	d := callback.NewDispatcher(store, store, options)
	if err := d.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = d.Stop(ended)
	})
	return d
}

// A host that accepts and says nothing is waited for without holding up anybody else's callback, nor one of the same
// company to another host; and no number of names makes it more than one host.
func TestSilentHostIsSlowOnlyForItself(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	silent := newSilentHost(t, "127.0.0.1")
	quick := newReceiver(t, status(200))
	allowed := []string{quick.host()}
	name := func(i int) string { return fmt.Sprintf("h%d.silent.test:%s", i, silent.port) }
	for i := range 60 {
		allowed = append(allowed, name(i))
	}
	announceMany(t, store, "busy", 120, func(i int) string { return "http://" + name(i%60) + "/" })
	d := giveUp(t, store, callback.Options{
		Workers: 8, Timeout: 10 * time.Minute, // nothing that hangs ends during the test
		Resolver: callback.NameServer(t, func() [4]byte { return [4]byte{127, 0, 0, 1} }),
	})
	attachTo(t, d, callback.Config{AllowedHosts: allowed})
	for deadline := time.Now().Add(patience); silent.open.Load() < 4; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d tries go to the silent host", silent.open.Load())
		}
	}
	for range 5 {
		await(t, store, announce(t, store, d, "other", quick.URL), in(callback.Delivered))
		await(t, store, announce(t, store, d, "busy", quick.URL), in(callback.Delivered))
	}
	if most := silent.most.Load(); most > 4 {
		t.Errorf("%d tries went to one address at a time, under many names", most)
	}
}

// Neither do many companies' silent hosts, though there are more of them than workers.
func TestManySilentHostsLeaveTheWorkers(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	quick := newReceiver(t, status(200))
	allowed := []string{quick.host()}
	const companies = 6
	var hosts [companies]*silentHost
	for i := range hosts {
		address := "127.0.0." + strconv.Itoa(i+2)
		hosts[i] = newSilentHost(t, address)
		url := net.JoinHostPort(address, hosts[i].port)
		allowed = append(allowed, url)
		announceMany(t, store, fmt.Sprint("company", i), 10, func(int) string { return "http://" + url + "/" })
	}
	d := giveUp(t, store, callback.Options{Workers: 8, PerHost: 2, PerCompany: 2, Timeout: 10 * time.Minute})
	attachTo(t, d, callback.Config{AllowedHosts: allowed})
	for range 3 {
		await(t, store, announce(t, store, d, "other", quick.URL), in(callback.Delivered))
	}
}

// A host that was slow gets one try at a time, until it is quick again.
func TestSlowHostGetsOneTryAtATime(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	var running, most atomic.Int32
	var quick atomic.Bool
	receiver := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		takes := 1500 * time.Millisecond
		if quick.Load() {
			takes = 20 * time.Millisecond
		}
		select {
		case <-time.After(takes):
		case <-r.Context().Done(): // a try that was given up since it came late goes on for nobody
		}
		w.WriteHeader(http.StatusOK)
	})
	// A try that takes a third of the time-out is slow. One that a busy machine makes take all of it is made again soon.
	schedule := make([]time.Duration, 20)
	for i := 1; i < len(schedule); i++ {
		schedule[i] = time.Second
	}
	d := start(t, store, callback.Options{Timeout: 4500 * time.Millisecond, Schedule: schedule})
	attachTo(t, d, callback.Config{AllowedHosts: []string{receiver.host()}})
	await(t, store, announce(t, store, d, "acme", receiver.URL), in(callback.Delivered))
	several := func(n int) {
		t.Helper()
		most.Store(0)
		var ids []job.ID
		for range n {
			ids = append(ids, announce(t, store, d, "acme", receiver.URL))
		}
		for _, id := range ids {
			await(t, store, id, in(callback.Delivered))
		}
	}
	if several(3); most.Load() != 1 {
		t.Errorf("%d tries went to a slow host at a time", most.Load())
	}
	quick.Store(true)
	for deadline := time.Now().Add(patience); ; { // on a busy machine no try may be quick for a while
		several(1)
		several(40)
		if n := most.Load(); n >= 2 && n <= 4 {
			break
		} else if n > 4 || time.Now().After(deadline) {
			t.Fatalf("%d tries went at a time to the host that is quick again", n)
		}
	}
}
