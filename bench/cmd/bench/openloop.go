package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// openLoopClients share the rate: so many that a slow answer on one connection does not keep requests back.
const openLoopClients = 64

// p99 sends requests at a fixed rate for so many seconds and returns the latency that 99 of 100 do not exceed, in milliseconds. A request
// that could not be sent when it was due, because the answer before it was late, counts from when it was due: otherwise
// a server that stalls would be asked less while it stalls. That the sender itself woke up late does not count.
func (l *lab) p99(ctx context.Context, t target, rate float64, seconds int) (float64, error) {
	interval := time.Duration(openLoopClients / rate * float64(time.Second))
	latencies := make([][]time.Duration, openLoopClients)
	failures := make([]error, openLoopClients)
	start := time.Now().Add(100 * time.Millisecond)
	end := start.Add(time.Duration(seconds) * time.Second)
	var all sync.WaitGroup
	for i := range openLoopClients {
		all.Go(func() {
			c, err := dial(ctx, t.port)
			if err != nil {
				failures[i] = err
				return
			}
			defer c.conn.Close()
			due := start.Add(interval * time.Duration(i) / openLoopClients)
			for n := i; due.Before(end) && ctx.Err() == nil; n++ {
				request := t.request(t.bodies[n%len(t.bodies)])
				sent := due
				if wait := time.Until(due); wait > 0 {
					time.Sleep(wait)
					sent = time.Now()
				}
				if err := c.ask(request); err != nil {
					failures[i] = err
					return
				}
				latencies[i] = append(latencies[i], time.Since(sent))
				due = due.Add(interval)
			}
		})
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return 0, err
	}
	measured := slices.Concat(latencies...)
	if len(measured) == 0 {
		return 0, errors.New("no request was sent")
	}
	slices.Sort(measured)
	return milliseconds(measured[len(measured)*99/100]), ctx.Err()
}
