package admission

import (
	"context"
	"maps"
	"sync"
)

// Budget divides an amount, such as bytes of memory, among those who ask for parts of it.
//
// One may hold as much as is left free: who is alone half of all, two a third each, and so on. So there is something
// left for whoever comes next, however much one asks for. It never blocks, and is safe for concurrent use.
type Budget struct {
	mu   sync.Mutex
	size int64
	held int64             // by all
	by   map[string]*int64 // what each one holds, or has held
	ends []debt            // of those who give theirs back when a context is done, in no order
	next int               // of ends, to look at
}

// debt is what is given back when a context is done.
type debt struct {
	ctx    context.Context //nolint:containedctx // it is an event
	who    string
	amount int64
}

// How many contexts are looked at in passing, and when there is not enough.
const (
	fewEnds  = 4
	manyEnds = 64
)

// manyAccounts is how many there may be before those that hold nothing are forgotten.
const manyAccounts = 1 << 10

// NewBudget makes a budget of this size.
func NewBudget(size int64) *Budget {
	return &Budget{size: size, by: make(map[string]*int64)}
}

// Resize changes the size. What is held stays held, also beyond the new size.
func (b *Budget) Resize(size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = size
}

// Take takes a part, which must be given back, and reports whether it could be had. Nothing can always be had.
func (b *Budget) Take(who string, amount int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ends) > 0 {
		b.collect(fewEnds)
	}
	account := b.account(who)
	if !b.fits(*account, amount) {
		b.collect(manyEnds)
		if !b.fits(*account, amount) {
			return false
		}
	}
	*account += amount
	b.held += amount
	return true
}

// Return gives back what was taken, or a part of it.
func (b *Budget) Return(who string, amount int64) {
	if amount == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.change(who, -amount)
}

// ReturnWhenDone gives back what was taken once ctx is done. That is noticed when somebody asks for a part, and so costs
// neither a goroutine nor memory of its own; ctx is kept until then.
func (b *Budget) ReturnWhenDone(ctx context.Context, who string, amount int64) {
	if amount == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() != nil {
		b.change(who, -amount)
		return
	}
	b.ends = append(b.ends, debt{ctx, who, amount})
}

// Held returns how much is held by all.
func (b *Budget) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.collect(len(b.ends))
	return b.held
}

// fits reports whether one who holds so much would hold no more than would be left.
func (b *Budget) fits(holds, amount int64) bool {
	return amount == 0 || holds+amount <= b.size-b.held-amount
}

// change is for who holds something.
func (b *Budget) change(who string, amount int64) {
	b.held += amount
	*b.by[who] += amount
}

func (b *Budget) account(who string) *int64 {
	if found, ok := b.by[who]; ok {
		return found
	}
	if len(b.by) >= manyAccounts {
		maps.DeleteFunc(b.by, func(_ string, holds *int64) bool { return *holds == 0 })
	}
	made := new(int64)
	b.by[who] = made
	return made
}

// collect looks at some of the contexts, and takes back what those hold that are done.
func (b *Budget) collect(most int) {
	for range most {
		if len(b.ends) == 0 {
			break
		}
		if b.next >= len(b.ends) {
			b.next = 0
		}
		found := b.ends[b.next]
		if found.ctx.Err() == nil {
			b.next++
			continue
		}
		b.change(found.who, -found.amount)
		last := len(b.ends) - 1
		b.ends[b.next] = b.ends[last]
		b.ends[last] = debt{} // which kept its context
		b.ends = b.ends[:last]
	}
}
