package pgstore

import (
	"context"
	"time"
)

// LookAfterPartitions does so at once.
func (s *Store) LookAfterPartitions(ctx context.Context, now time.Time) error {
	return s.partition(ctx, now)
}

// CallersClock returns options with which the instants that callers hand in are the store's time, and all stores count as
// one server: the conformance suite says itself what runs elsewhere.
func CallersClock(options Options) Options {
	options.callersClock, options.node = true, "test"
	return options
}
