package admission

import (
	"maps"
	"sync"
)

// Budget divides an amount, such as bytes of memory, among those who ask for parts of it.
//
// One may hold as much as is left free: a company that is alone half of all, two a third each, and so on. So there is something
// left for the next one, however much one asks for. It never blocks, and is safe for concurrent use.
type Budget struct {
	mu   sync.Mutex
	size int64
	held int64             // by all
	by   map[string]*int64 // what each one holds, or has held
}

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
	account := b.account(who)
	if amount > 0 && *account+amount > b.size-b.held-amount {
		return false
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
	b.held -= amount
	*b.by[who] -= amount
}

// Held returns how much is held by all.
func (b *Budget) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
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
