package usage

import (
	"context"
	"crypto/rand"
	"hash/maphash"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

const (
	// FlushEvery is how often what was counted is written to the store.
	FlushEvery = 15 * time.Second

	// DefaultMaxSeries bounds the memory of a counter: some 40 MiB at most.
	DefaultMaxSeries = 1 << 16

	// maxBatch is how many rows a batch has, so that others need not wait long for the store.
	maxBatch = 2000

	// flushTimeout bounds one write to the store. What it has not written is written later.
	flushTimeout = 30 * time.Second

	shards = 64
)

// CounterOptions are what a counter works with.
type CounterOptions struct {
	Logger *slog.Logger
	Now    func() time.Time // nil: time.Now

	// MaxSeries is how many combinations of hour, company, user, API key and endpoint are held in memory. Beyond it the
	// endpoint is left out, and beyond twice as many all but the company. 0: DefaultMaxSeries.
	MaxSeries int
}

// Counter counts calls. It lives as long as its store is open, however many configurations come and go meanwhile. It is safe
// for concurrent use. It counts from the beginning; [Counter.Start] has it write by itself.
type Counter struct {
	store  Store
	log    *slog.Logger
	now    func() time.Time
	source string
	most   int64 // series

	seed   maphash.Seed
	shards [shards]shard
	held   atomic.Int64 // series

	writing sync.Mutex // guards what follows; while it is held no count moves from the shards to a batch
	batches []Batch    // that wait to be written; of the first it may be unknown whether it was
	number  uint64     // of the last batch
	failing bool       // the last attempt to write has failed

	cancel context.CancelFunc
	ended  chan struct{}
}

type shard struct {
	mu     sync.Mutex
	series map[series]*Counts
	_      [48]byte // the next lock is on another cache line
}

type series struct {
	hour int64 // since 1970
	Key
}

// NewCounter returns a counter that has counted nothing.
func NewCounter(store Store, options CounterOptions) *Counter {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.MaxSeries <= 0 {
		options.MaxSeries = DefaultMaxSeries
	}
	c := &Counter{
		store: store, log: options.Logger, now: options.Now, source: rand.Text(), most: int64(options.MaxSeries), seed: maphash.MakeSeed(),
	}
	for i := range c.shards {
		c.shards[i].series = make(map[series]*Counts)
	}
	return c
}

// Observe implements [observe.Observer]. It counts the calls of those whose company is known.
func (c *Counter) Observe(_ context.Context, call *observe.Call) {
	if call.Company == "" {
		return
	}
	at := call.Began.Add(call.Duration)
	if call.Began.IsZero() {
		at = c.now()
	}
	counts := countsOf(call)
	c.count(series{at.Unix() / 3600, Key{call.Company, call.User, call.KeyID, call.Endpoint}}, &counts)
}

func (c *Counter) count(of series, counts *Counts) {
	s := &c.shards[c.shardOf(&of)]
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.series[of]
	if held == nil {
		held = c.add(s, of)
	}
	held.Add(counts)
}

// shardOf divides callers, not endpoints, among the shards: most have one.
func (c *Counter) shardOf(of *series) uint64 {
	name := of.KeyID
	if name == "" {
		name = of.User
	}
	return maphash.String(c.seed, name) % shards
}

// add returns the counts of a series that the shard does not have. There are so many at most.
func (c *Counter) add(s *shard, of series) *Counts {
	switch held := c.held.Load(); {
	case held >= 2*c.most:
		of.Key = Key{Company: of.Company}
	case held >= c.most:
		of.Endpoint = dataapi.Address{}
	}
	if held := s.series[of]; held != nil {
		return held
	}
	// What the strings are part of may be larger than they are.
	of.Company, of.User, of.KeyID = strings.Clone(of.Company), strings.Clone(of.User), strings.Clone(of.KeyID)
	c.held.Add(1)
	held := new(Counts)
	s.series[of] = held
	return held
}

// Start begins to write every [FlushEvery], until [Counter.Close].
func (c *Counter) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, make(chan struct{})
	go func() {
		defer close(c.ended)
		ticker := time.NewTicker(FlushEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				_ = c.Flush(ctx) // it has logged why it failed, and is tried again
			}
		}
	}()
}

// Close writes what was counted, and ends what [Counter.Start] has begun. The store must be open still. What cannot be
// written is lost, and the error says why.
func (c *Counter) Close() error {
	if c.cancel != nil {
		c.cancel()
		<-c.ended
	}
	return c.Flush(context.Background())
}

// Flush writes what was counted to the store. After an error nothing is lost: the same batch is written again the next time,
// and the store knows whether it has it.
func (c *Counter) Flush(ctx context.Context) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.write(ctx); err != nil {
		return err
	}
	c.take()
	return c.write(ctx)
}

// write writes the batches that wait.
func (c *Counter) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	for len(c.batches) > 0 {
		if err := c.store.AddUsage(ctx, c.batches[0]); err != nil {
			if !c.failing {
				c.log.Warn("usage is counted in memory until the store can be written to: it is tried again", slog.Any("error", err))
			}
			c.failing = true
			return err
		}
		c.batches, c.failing = c.batches[1:], false
	}
	return nil
}

// take moves what was counted from the shards into batches, and forgets series of hours that are over.
func (c *Counter) take() {
	now := c.now()
	hour, rows, folded := now.Unix()/3600, []Row(nil), make(map[series]*Counts)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for of, counts := range s.series {
			switch {
			case counts.isZero() && of.hour < hour:
				delete(s.series, of)
				c.held.Add(-1)
				continue
			case counts.isZero():
				continue
			case of.User != "":
				rows = append(rows, of.row(counts))
			case folded[of] == nil: // several shards may have a company's
				folded[of] = new(*counts)
			default:
				folded[of].Add(counts)
			}
			*counts = Counts{}
		}
		s.mu.Unlock()
	}
	for of, counts := range folded {
		rows = append(rows, of.row(counts))
	}
	for part := range slices.Chunk(rows, maxBatch) {
		c.number++
		c.batches = append(c.batches, Batch{Source: c.source, Number: c.number, At: now, Rows: part})
	}
}

func (s *series) row(counts *Counts) Row {
	return Row{Hour: time.Unix(s.hour*3600, 0).UTC(), Key: s.Key, Counts: *counts}
}

// Read returns the rows that a filter selects, with what the store does not have yet. It fails as [Store] does. It blocks
// while the counter writes.
func (c *Counter) Read(ctx context.Context, filter Filter) ([]Row, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	// Whether the store has a batch whose writing has failed is known only when it is written again.
	if err := c.write(ctx); err != nil {
		return nil, err
	}
	kept, err := c.store.ReadUsage(ctx, filter)
	if err != nil {
		return nil, err
	}
	sums := NewSums(filter)
	sums.seed(kept)
	for i := range c.shards {
		if err := c.shards[i].sum(sums); err != nil {
			return nil, err
		}
	}
	return sums.Rows(), nil
}

// sum adds what the shard holds.
func (s *shard) sum(sums *Sums) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for of, counts := range s.series {
		if row := of.row(counts); !counts.isZero() {
			if err := sums.Add(&row); err != nil {
				return err
			}
		}
	}
	return nil
}

var _ observe.Observer = (*Counter)(nil)
