package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// The defaults of [Options].
const (
	DefaultSize      = 64 << 20
	DefaultMaxResult = 1 << 20
)

// Options configure a [Cache].
type Options struct {
	Size      int64            // bytes of all results; at least MaxResult
	MaxResult int64            // bytes of one result, at least 1; a larger one is not kept
	Now       func() time.Time // time.Now
}

// Entry is a result as it was written. It is immutable, and shared by all who have got it.
type Entry struct {
	Address  dataapi.Address // of the endpoint
	Body     []byte
	Summary  result.Summary
	ETag     string    // quoted; made from the body
	StoredAt time.Time // when the query had ended

	ttl, stale time.Duration
	tooLarge   bool // there is no body: the result is not kept
}

// Age is how long ago the query ended.
func (e *Entry) Age(now time.Time) time.Duration { return max(now.Sub(e.StoredAt), 0) }

// TTL is how much longer the entry is fresh; negative: for how long it has been stale.
func (e *Entry) TTL(now time.Time) time.Duration { return e.ttl - e.Age(now) }

// Policy says how long a result is kept.
type Policy struct {
	Address dataapi.Address
	TTL     time.Duration // for which a result is fresh; above 0
	Stale   time.Duration // for which, after that, it is still given while a new one is fetched; 0: not at all
}

// Fill runs the query and writes the result. It ends soon after ctx does, and returns the writer's errors unchanged.
type Fill func(ctx context.Context, w *Buffer) (result.Summary, error)

// Status says where an answer comes from.
type Status uint8

// The states.
const (
	Hit       Status = iota // it was there
	Stale                   // it was there, no longer fresh; a new one is being fetched
	Miss                    // the query ran for this caller
	Collapsed               // the query ran for another caller who had asked before
)

// ErrTooLarge says that the result is larger than what is kept: the caller has to run the query itself.
var ErrTooLarge = errors.New("the result is larger than what the cache keeps")

// Cache is safe for concurrent use.
type Cache struct {
	options Options
	entries *otter.Cache[Key, *Entry]
	gets    [Collapsed + 1]atomic.Uint64 // by what came of them
	purges  atomic.Uint64                // purges so far: what began before one is not kept after it

	mu      sync.Mutex
	flights map[Key]*flight
}

// New makes a cache.
func New(options Options) (*Cache, error) {
	entries, err := otter.New(&otter.Options[Key, *Entry]{
		MaximumWeight: uint64(options.Size),
		Weigher: func(_ Key, entry *Entry) uint32 {
			return uint32(min(int64(cap(entry.Body))+entryBytes, math.MaxUint32))
		},
		ExpiryCalculator: otter.ExpiryWritingFunc(func(entry otter.Entry[Key, *Entry]) time.Duration {
			return entry.Value.ttl + entry.Value.stale
		}),
	})
	if err != nil {
		return nil, err
	}
	return &Cache{options: options, entries: entries, flights: make(map[Key]*flight)}, nil
}

// entryBytes is about what an entry takes beside its body.
const entryBytes = 512

// Get returns the entry of a key. When there is none, or it is too old, fill makes it: once for all who ask for the key
// meanwhile, and for as long as one of them waits. Fill's error is everybody's; it is not kept. When ctx ends before,
// Get returns ctx's error.
func (c *Cache) Get(ctx context.Context, key Key, policy Policy, fill Fill) (*Entry, Status, error) {
	entry, status, err := c.get(ctx, key, policy, fill)
	c.gets[status].Add(1)
	return entry, status, err
}

// Stats are the figures of a cache at one moment.
type Stats struct {
	Entries int
	Bytes   int64 // of all entries
	Limit   int64 // how many bytes there may be

	// What has become of requests since the cache was made. Misses are those for which a query ran, also when it failed.
	Hits, Stale, Misses, Collapsed uint64
}

// Stats returns the figures of this moment. It does not block.
func (c *Cache) Stats() Stats {
	return Stats{
		Entries: c.entries.EstimatedSize(), Bytes: int64(c.entries.WeightedSize()), Limit: c.options.Size,
		Hits: c.gets[Hit].Load(), Stale: c.gets[Stale].Load(), Misses: c.gets[Miss].Load(), Collapsed: c.gets[Collapsed].Load(),
	}
}

func (c *Cache) get(ctx context.Context, key Key, policy Policy, fill Fill) (*Entry, Status, error) {
	if entry, ok := c.entries.GetIfPresent(key); ok {
		now := c.options.Now()
		switch left := entry.TTL(now); {
		case left > 0 && entry.tooLarge:
			return nil, Miss, ErrTooLarge
		case left > 0:
			return entry, Hit, nil
		case left > -policy.Stale && !entry.tooLarge:
			c.refresh(ctx, key, policy, fill)
			return entry, Stale, nil
		}
	}
	under, first := c.join(ctx, key, policy, fill)
	defer c.leave(key, under)
	select {
	case <-under.done:
	case <-ctx.Done():
		return nil, Miss, ctx.Err()
	}
	status := Collapsed
	if first {
		status = Miss
	}
	return under.entry, status, under.err
}

// Bytes returns about how much memory the entries take.
func (c *Cache) Bytes() int64 { return int64(c.entries.WeightedSize()) }

// Within matches the endpoints of a scope: all of them, by the empty text, those of a COMPANY, or COMPANY/NAMESPACE/SLUG.
func Within(scope string) func(dataapi.Address) bool {
	return func(address dataapi.Address) bool {
		return scope == "" || address.Company == scope || address.String() == scope
	}
}

// Purge removes the entries of the endpoints that match, and returns how many there were. Results of queries that run
// already are not kept.
func (c *Cache) Purge(match func(dataapi.Address) bool) int {
	c.purges.Add(1)
	removed := 0
	for key, entry := range c.entries.All() {
		if match(entry.Address) {
			if _, there := c.entries.Invalidate(key); there {
				removed++
			}
		}
	}
	return removed
}

// keep makes an entry of what was written, unless something was purged since.
func (c *Cache) keep(key Key, policy Policy, entry *Entry, purges uint64) {
	entry.Address, entry.ttl, entry.stale, entry.StoredAt = policy.Address, policy.TTL, policy.Stale, c.options.Now()
	if entry.tooLarge {
		entry.stale = 0
	}
	if c.purges.Load() == purges {
		c.entries.Set(key, entry)
	}
}

func etag(body []byte) string {
	digest := sha256.Sum256(body)
	return `"` + hex.EncodeToString(digest[:16]) + `"`
}
