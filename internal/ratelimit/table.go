package ratelimit

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

// Table holds one bucket for each of the keys that were seen lately, as many as it has places. Its memory is fixed when it
// is made: 16 bytes a place. It is safe for concurrent use, takes one short lock for each look, and never allocates.
//
// A bucket is one number, the time at which it will be full again: the generic cell rate algorithm (ITU-T I.371, annex A),
// which admits exactly what a token bucket does. A bucket that is full says nothing, and its place is free.
//
// An attacker who can take on many keys, as with a network of IPv6 addresses, must not gain from filling the
// table: a cache that evicts would give each evicted key a full bucket. So a key that finds no free place takes over that
// of the bucket that is fullest among those it may be in, and with it what is missing there, but for one token. A key
// that was pushed out thus comes back with one token for as many tokens of others as there are places, which is less than
// it would have had for waiting, as long as all keys together stay below the rate of all places together. And a key that
// has done nothing always has a token, however many others are at work. Which places a key may be in depends on a seed
// that nobody outside can know.
type Table struct {
	seed  maphash.Seed
	epoch time.Time
	now   func() time.Time
	share func() int // nil: the whole
	sets  []set
}

// ways is how many places a key may be in. More make it rarer that a set is full while others are not.
const ways = 8

type set struct {
	mu      sync.Mutex
	keys    [ways]Key
	buckets [ways]int64 // when the bucket is full, in nanoseconds since the table's epoch; the past: it is
}

// NewTable makes a table of at least this many places, and at least 8. Now is the clock; it need not be monotonic.
func NewTable(places int, now func() time.Time) *Table {
	sets := 1
	for sets*ways < places {
		sets *= 2
	}
	return &Table{seed: maphash.MakeSeed(), epoch: now(), now: now, sets: make([]set, sets)}
}

// ShareAmong makes the table one of as many as servers says, which must be at least 1 and not block: each bucket takes one part
// of its limit, at least one token at once, so that the tables together admit what one would. It must be called before the table
// is used.
func (t *Table) ShareAmong(servers func() int) { t.share = servers }

// part is how long a token takes to flow in, and an empty bucket to fill, in nanoseconds.
func (t *Table) part(limit Limit) (interval, capacity int64) {
	if t.share == nil {
		return int64(limit.interval()), int64(limit.capacity())
	}
	servers := max(t.share(), 1)
	interval = int64(limit.interval()) * int64(servers)
	return interval, interval * int64(max(limit.Burst/servers, 1))
}

// Key says what a bucket belongs to. It is a hash under the table's own seed.
type Key uint64

// Key makes a key of the parts of a name: ("a", "bc") and ("ab", "c") differ.
func (t *Table) Key(parts ...string) Key {
	var hash maphash.Hash
	hash.SetSeed(t.seed)
	for _, part := range parts {
		length := len(part)
		_, _ = hash.Write([]byte{byte(length), byte(length >> 8), byte(length >> 16)})
		_, _ = hash.WriteString(part)
	}
	return Key(hash.Sum64())
}

// State is how full a bucket is.
type State struct {
	OK        bool          // the request may go on; with Take, its token is taken
	Remaining int           // tokens that are left
	Retry     time.Duration // when not OK: after what time a token will be there
	Full      time.Duration // after what time the bucket is full; 0: it is
}

// Take takes a token, or reports that there is none and takes nothing. [Unlimited] is always OK.
func (t *Table) Take(key Key, limit Limit) State { return t.take(key, limit, 1) }

// Look reports whether there is a token, and takes none.
func (t *Table) Look(key Key, limit Limit) State { return t.take(key, limit, 0) }

func (t *Table) take(key Key, limit Limit, tokens int64) State {
	if !limit.Limits() {
		return State{OK: true, Remaining: math.MaxInt}
	}
	interval, capacity := t.part(limit)
	now := int64(t.now().Sub(t.epoch))
	s := t.set(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	place, found := s.find(key, now)
	missing := min(max(s.buckets[place]-now, 0), capacity) // a limit may have been lowered since
	if !found {
		missing = min(missing, capacity-interval)
	}
	if missing+interval > capacity {
		return State{Retry: time.Duration(missing + interval - capacity), Full: time.Duration(missing)}
	}
	if tokens > 0 {
		missing += tokens * interval
		s.buckets[place] = now + missing
		if !found {
			s.keys[place] = key
		}
	}
	return State{OK: true, Remaining: int((capacity - missing) / interval), Full: time.Duration(missing)}
}

// find returns the place of a key, or the one that it would take over: the fullest.
func (s *set) find(key Key, now int64) (place int, found bool) {
	for i := range ways {
		if s.keys[i] == key && s.buckets[i] > now {
			return i, true
		}
		if s.buckets[i] < s.buckets[place] {
			place = i
		}
	}
	return place, false
}

// mark remembers a key for a while. Unlike a bucket, a mark is forgotten when many others are set after it: it is for
// what must not be held against a key that was never marked.
func (t *Table) mark(key Key, span time.Duration) {
	now := int64(t.now().Sub(t.epoch))
	s := t.set(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	place, _ := s.find(key, now)
	s.keys[place], s.buckets[place] = key, now+int64(span)
}

// marked reports whether a key was marked less than its while ago.
func (t *Table) marked(key Key) bool {
	now := int64(t.now().Sub(t.epoch))
	s := t.set(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found := s.find(key, now)
	return found
}

func (t *Table) set(key Key) *set { return &t.sets[uint64(key)>>32&uint64(len(t.sets)-1)] }
