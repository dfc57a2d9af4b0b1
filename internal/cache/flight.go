package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// flight is a query that runs, for all who wait for it.
type flight struct {
	done    chan struct{} // closed when entry and err are set
	entry   *Entry
	err     error
	waiting int // callers, and the refresh if it is one; guarded by the cache's mutex
	cancel  context.CancelFunc
}

// join returns the flight of a key, begun if there is none. Each caller who joins must leave.
func (c *Cache) join(ctx context.Context, key Key, policy Policy, fill Fill) (under *flight, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if under, ok := c.flights[key]; ok {
		under.waiting++
		return under, false
	}
	return c.begin(ctx, key, policy, fill), true
}

// begin starts a flight with one caller that waits for it. The mutex is held. The query outlives its first caller if others wait.
func (c *Cache) begin(ctx context.Context, key Key, policy Policy, fill Fill) *flight {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	under := &flight{done: make(chan struct{}), waiting: 1, cancel: cancel}
	c.flights[key] = under
	purges := c.purges.Load()
	go func() {
		defer cancel()
		under.entry, under.err = c.run(ctx, fill)
		switch {
		case under.err == nil:
			c.keep(key, policy, under.entry, purges)
		case errors.Is(under.err, ErrTooLarge):
			c.keep(key, policy, &Entry{tooLarge: true}, purges)
		}
		c.mu.Lock()
		if c.flights[key] == under {
			delete(c.flights, key)
		}
		c.mu.Unlock()
		close(under.done)
	}()
	return under
}

// leave ends the query when nobody waits for it any more. A later caller begins another one.
func (c *Cache) leave(key Key, under *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	under.waiting--
	if under.waiting > 0 {
		return
	}
	under.cancel()
	if c.flights[key] == under {
		delete(c.flights, key)
	}
}

// refresh begins a flight that nobody waits for, unless there is one. The entry that is there stays if it fails.
func (c *Cache) refresh(ctx context.Context, key Key, policy Policy, fill Fill) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.flights[key]; !ok {
		c.begin(ctx, key, policy, fill) // the waiting caller is never gone: the query ends by its own time limit
	}
}

// run fills an entry.
func (c *Cache) run(ctx context.Context, fill Fill) (entry *Entry, err error) {
	defer func() {
		if p := recover(); p != nil {
			entry, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	buffer := &Buffer{most: c.options.MaxResult}
	summary, err := fill(ctx, buffer)
	if err != nil {
		return nil, err
	}
	return &Entry{Body: buffer.bytes, Summary: summary, ETag: etag(buffer.bytes)}, nil
}

// Buffer gathers a result, and refuses one that grows too large with [ErrTooLarge].
type Buffer struct {
	bytes []byte
	most  int64
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	if int64(len(b.bytes)+len(p)) > b.most {
		return 0, ErrTooLarge
	}
	b.bytes = append(b.bytes, p...)
	return len(p), nil
}
