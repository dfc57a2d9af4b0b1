package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
)

var (
	address = dataapi.Address{Company: "acme", Namespace: "default", Slug: "sales"}
	policy  = cache.Policy{Address: address, TTL: time.Minute, Stale: 30 * time.Second}
	key     = cache.NewKey([]byte("key"))
)

func newCache(t testing.TB, size, most int64) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{Size: size, MaxResult: most, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inBubble runs a test in which time passes when everybody waits.
func inBubble(t *testing.T, test func(t *testing.T, c *cache.Cache)) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, 1<<20, 1<<10)
		defer c.Close()
		test(t, c)
	})
}

// source counts how often it is asked, and answers with that number.
type source struct {
	asked atomic.Int32
	gate  chan struct{} // closed, or nil: it answers at once
	fail  error
}

func (s *source) fill(ctx context.Context, w *cache.Buffer) (result.Summary, error) {
	n := s.asked.Add(1)
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return result.Summary{}, ctx.Err()
		}
	}
	if s.fail != nil {
		return result.Summary{}, s.fail
	}
	_, err := fmt.Fprintf(w, "answer %d", n)
	return result.Summary{RowCount: int(n)}, err
}

func expect(t *testing.T, c *cache.Cache, s *source, body string, status cache.Status) *cache.Entry {
	t.Helper()
	entry, got, err := c.Get(t.Context(), key, policy, s.fill)
	if err != nil || got != status || string(entry.Body) != body {
		t.Fatalf("got %v, status %d, %v; want %q, status %d", entry, got, err, body, status)
	}
	return entry
}

// TestLifeOfAnEntry: fresh for a minute, then stale for 30 s while one query replaces it, then gone.
func TestLifeOfAnEntry(t *testing.T) {
	var s source
	now := time.Now()
	var offset atomic.Int64
	c, err := cache.New(cache.Options{Size: 1 << 20, MaxResult: 1 << 10, Now: func() time.Time { return now.Add(time.Duration(offset.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	first := expect(t, c, &s, "answer 1", cache.Miss)
	offset.Store(int64(59 * time.Second))
	if again := expect(t, c, &s, "answer 1", cache.Hit); again.ETag != first.ETag || again.Age(now.Add(59*time.Second)) != 59*time.Second {
		t.Errorf("%s and %s", first.ETag, again.ETag)
	}
	offset.Store(int64(61 * time.Second))
	s.gate = make(chan struct{})
	expect(t, c, &s, "answer 1", cache.Stale)
	expect(t, c, &s, "answer 1", cache.Stale)
	close(s.gate)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		entry, status, err := c.Get(t.Context(), key, policy, s.fill)
		if err == nil && status == cache.Hit && string(entry.Body) == "answer 2" && entry.ETag != first.ETag {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the stale entry is not replaced: %v %d %v", entry, status, err)
		}
	}
	offset.Store(int64(61*time.Second + 91*time.Second))
	expect(t, c, &s, "answer 3", cache.Miss)
	if s.asked.Load() != 3 {
		t.Errorf("asked %d times", s.asked.Load())
	}
}

// TestOneQueryForAThousand: and a caller who goes away takes nobody along.
func TestOneQueryForAThousand(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache) {
		s := source{gate: make(chan struct{})}
		leaderContext, leave := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, _, err := c.Get(leaderContext, key, policy, s.fill)
			left <- err
		}()
		synctest.Wait()
		var all sync.WaitGroup
		var collapsed atomic.Int32
		for range 1000 {
			all.Go(func() {
				entry, status, err := c.Get(t.Context(), key, policy, s.fill)
				if err != nil || string(entry.Body) != "answer 1" {
					t.Errorf("%v %v", entry, err)
				}
				if status == cache.Collapsed {
					collapsed.Add(1)
				}
			})
		}
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who went away got %v", err)
		}
		close(s.gate)
		all.Wait()
		if s.asked.Load() != 1 || collapsed.Load() != 1000 {
			t.Errorf("asked %d times, %d collapsed", s.asked.Load(), collapsed.Load())
		}
		expect(t, c, &s, "answer 1", cache.Hit)
	})
}

// TestTheLastToLeaveEndsTheQuery: and the next one begins another.
func TestTheLastToLeaveEndsTheQuery(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache) {
		s := source{gate: make(chan struct{})}
		ctx, leave := context.WithCancel(t.Context())
		var ended atomic.Bool
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, _, err := c.Get(ctx, key, policy, func(ctx context.Context, w *cache.Buffer) (result.Summary, error) {
					summary, err := s.fill(ctx, w)
					ended.Store(errors.Is(err, context.Canceled))
					return summary, err
				})
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			})
		}
		synctest.Wait()
		leave()
		all.Wait()
		synctest.Wait()
		if !ended.Load() || s.asked.Load() != 1 {
			t.Errorf("ended %t, asked %d times", ended.Load(), s.asked.Load())
		}
		close(s.gate)
		expect(t, c, &s, "answer 2", cache.Miss)
	})
}

func TestErrorsAndPanicsAreNotKept(t *testing.T) {
	c := newCache(t, 1<<20, 1<<10)
	s := source{fail: errors.New("no luck")}
	for range 2 {
		if _, _, err := c.Get(t.Context(), key, policy, s.fill); !errors.Is(err, s.fail) {
			t.Errorf("got %v", err)
		}
	}
	if _, _, err := c.Get(t.Context(), key, policy, func(context.Context, *cache.Buffer) (result.Summary, error) { panic("ouch") }); err == nil {
		t.Error("a panic was no error")
	}
	s.fail = nil
	expect(t, c, &s, "answer 3", cache.Miss)
}

// TestLargeResultsAreNotKept, and the query is not begun for the cache again while that is remembered.
func TestLargeResultsAreNotKept(t *testing.T) {
	c := newCache(t, 1<<20, 100)
	asked := 0
	fill := func(_ context.Context, w *cache.Buffer) (result.Summary, error) {
		asked++
		for range 101 {
			if _, err := w.Write([]byte("x")); err != nil {
				return result.Summary{}, err
			}
		}
		return result.Summary{}, nil
	}
	for range 3 {
		if entry, _, err := c.Get(t.Context(), key, policy, fill); !errors.Is(err, cache.ErrTooLarge) || entry != nil {
			t.Errorf("got %v, %v", entry, err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestTheCacheIsBoundedInBytes(t *testing.T) {
	c := newCache(t, 1<<20, 1<<20)
	body := bytes.Repeat([]byte("x"), 10<<10)
	fill := func(_ context.Context, w *cache.Buffer) (result.Summary, error) {
		_, err := w.Write(body)
		return result.Summary{}, err
	}
	keyOf := func(i int) cache.Key { return cache.NewKey(fmt.Append(nil, i)) }
	for i := range 1000 {
		if _, _, err := c.Get(t.Context(), keyOf(i), policy, fill); err != nil {
			t.Fatal(err)
		}
	}
	var kept int
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // entries are evicted in the background
		kept = 0
		c.Purge(func(dataapi.Address) bool { kept++; return false }) // which purges nothing, and sees every entry
		if kept <= 110 || time.Now().After(deadline) {
			break
		}
	}
	if kept == 0 || kept > 110 {
		t.Errorf("%d entries of 10 KiB are kept in 1 MiB", kept)
	}
}

func TestPurge(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cache.Cache) {
		var s source
		expect(t, c, &s, "answer 1", cache.Miss)
		other := func(a dataapi.Address) bool { return a.Company == "globex" }
		if n := c.Purge(other); n != 0 {
			t.Errorf("purged %d", n)
		}
		expect(t, c, &s, "answer 1", cache.Hit)
		if n := c.Purge(func(a dataapi.Address) bool { return a == address }); n != 1 {
			t.Errorf("purged %d", n)
		}
		// A query that began before the purge may have read what is to be forgotten.
		s.gate = make(chan struct{})
		done := make(chan struct{})
		go func() {
			expect(t, c, &s, "answer 2", cache.Miss)
			close(done)
		}()
		synctest.Wait()
		c.Purge(other)
		close(s.gate)
		<-done
		expect(t, c, &s, "answer 3", cache.Miss)
	})
}

// TestKeysAreEqualWhenTheirPartsAre: a part that moves into its neighbour makes another key.
func TestKeysAreEqualWhenTheirPartsAre(t *testing.T) {
	parts := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a'}), 0, 3), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		left, right := parts.Draw(t, "left"), parts.Draw(t, "right")
		same := len(left) == len(right)
		for i := 0; same && i < len(left); i++ {
			same = bytes.Equal(left[i], right[i])
		}
		if (cache.NewKey(left...) == cache.NewKey(right...)) != same {
			t.Fatalf("%q and %q", left, right)
		}
	})
}

func BenchmarkHit(b *testing.B) {
	c := newCache(b, 1<<20, 1<<10)
	var s source
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.Get(b.Context(), key, policy, s.fill); err != nil {
			b.Fatal(err)
		}
	}
}
