package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

// observersRows hold the processor time of a point request against that of the same server of which nobody counts calls: neither the
// metrics nor usage. Linked differently, it is the same code. What two such servers differ by shows how far to trust that.
func observersRows() []row {
	return []row{
		{group: "metrics", title: "processor time of a point request for metrics and usage, 8 clients", ours: "observers", goal: 2, atMost: true},
		{group: "metrics", title: "what two servers without them differ by", ours: "observers, control"},
	}
}

func observersMeasures() []measure {
	return []measure{
		{name: "observers", unit: "%", pairs: func(ctx context.Context, l *lab) ([]float64, error) {
			return l.dearer(ctx, l.hs256, l.unobserved)
		}},
		{name: "observers, control", unit: "%", pairs: func(ctx context.Context, l *lab) ([]float64, error) {
			return l.dearer(ctx, l.unobservedToo, l.unobserved)
		}},
	}
}

const (
	pairs        = 60 // of a round
	pairClients  = 8
	pairRequests = 800 // some tens of milliseconds: whatever else the machine does meets both of a pair
)

// dearer returns by how many percent a point request of one server takes more processor time than that of another, in many pairs of very
// short loads.
func (l *lab) dearer(ctx context.Context, which, than func(context.Context) (*server, error)) ([]float64, error) {
	one, err := which(ctx)
	if err != nil {
		return nil, err
	}
	other, err := than(ctx)
	if err != nil {
		return nil, err
	}
	ones, others, err := inTurns(pairs,
		func() (float64, error) { return l.requestTime(ctx, one) },
		func() (float64, error) { return l.requestTime(ctx, other) })
	if err != nil {
		return nil, err
	}
	more := quotients(ones, others)
	for i := range more {
		more[i] = (more[i] - 1) * 100
	}
	return more, errors.Join(l.checkObserved(one), l.checkObserved(other))
}

// requestTime is the server's processor time for a request, in nanoseconds.
func (l *lab) requestTime(ctx context.Context, s *server) (float64, error) {
	before, err := processorTime(s.pid())
	if err != nil {
		return 0, err
	}
	if err := askMany(ctx, targetOf("point", s.port, s.token)); err != nil {
		return 0, err
	}
	after, err := processorTime(s.pid())
	return float64(after-before) / pairRequests, err
}

// askMany sends pairRequests requests over pairClients connections, which stay open. wrk asks for a second at least.
func askMany(ctx context.Context, t target) error {
	failures := make([]error, pairClients)
	var clients sync.WaitGroup
	for client := range pairClients {
		clients.Go(func() {
			for i := client; i < pairRequests && failures[client] == nil; i += pairClients {
				_, failures[client] = post(ctx, t.url(), t.token, []byte(t.bodies[i%len(t.bodies)]))
			}
		})
	}
	clients.Wait()
	return errors.Join(failures...)
}

// processorTime is what a process has used, in nanoseconds. /proc tells hundredths of a second, which are too few for a short load.
func processorTime(pid int) (int64, error) {
	const scheduled = 2 // CPUCLOCK_SCHED; the clock of a process is made of its id, as clock_getcpuclockid(3) does
	var used unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduled), &used)
	return used.Nano(), err
}

// checkObserved fails when a server that counts calls has counted none, or one that does not has.
func (l *lab) checkObserved(s *server) error {
	answer, err := rig.UnixClient(s.socket).Get("http://127.0.0.1/metrics")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if counts := strings.Contains(string(text), "data_api_requests_total{"); counts == s.options.unobserved {
		return fmt.Errorf("of the server that is not to be observed (%v) calls are counted: %v", s.options.unobserved, counts)
	}
	return nil
}
