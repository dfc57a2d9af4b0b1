package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
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
		{name: "observers", unit: "%", run: func(ctx context.Context, l *lab) (float64, error) {
			return l.dearer(ctx, l.hs256, l.unobserved)
		}},
		{name: "observers, control", unit: "%", run: func(ctx context.Context, l *lab) (float64, error) {
			return l.dearer(ctx, l.unobservedToo, l.unobserved)
		}},
	}
}

const (
	pairs       = 6 // of a round
	pairClients = 8
)

// dearer returns by how many percent a point request of one server takes more processor time than that of another: the median of pairs
// of short loads, in turns one and the other first.
func (l *lab) dearer(ctx context.Context, which, than func(context.Context) (*server, error)) (float64, error) {
	one, err := which(ctx)
	if err != nil {
		return 0, err
	}
	other, err := than(ctx)
	if err != nil {
		return 0, err
	}
	var more []float64
	for pair := range pairs + 1 {
		spent := make(map[*server]float64)
		order := []*server{one, other}
		if pair%2 == 1 {
			slices.Reverse(order)
		}
		for _, s := range order {
			if spent[s], err = l.requestTime(ctx, s); err != nil {
				return 0, err
			}
		}
		if pair > 0 { // the first one warms up
			more = append(more, (spent[one]/spent[other]-1)*100)
		}
	}
	for _, s := range []*server{one, other} {
		if err := l.checkObserved(s); err != nil {
			return 0, err
		}
	}
	say("each pair: %+.1f %%", more)
	return median(more), nil
}

// requestTime is the server's processor time for a request, in nanoseconds.
func (l *lab) requestTime(ctx context.Context, s *server) (float64, error) {
	before, err := processorTime(s.pid())
	if err != nil {
		return 0, err
	}
	counted, err := l.wrk(ctx, targetOf("point", s.port, s.token), pairClients, 1)
	if err != nil {
		return 0, err
	}
	after, err := processorTime(s.pid())
	if err != nil || counted.Requests == 0 {
		return 0, errors.Join(err, errors.New("not one answer within a second"))
	}
	return float64(after-before) / counted.Requests, nil
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
	answer, err := unixClient(s.socket).Get("http://127.0.0.1/metrics")
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
