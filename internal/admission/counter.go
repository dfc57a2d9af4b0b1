package admission

import "sync"

// Counter bounds how many callers of each company do something at the same time, such as wait for a job. It is safe for
// concurrent use.
type Counter struct {
	most int

	mu     sync.Mutex
	counts map[string]int
}

// NewCounter makes a counter that lets in at most so many callers of a company.
func NewCounter(most int) *Counter {
	return &Counter{most: most, counts: make(map[string]int)}
}

// Enter reports whether the company may have one more caller, who must then call Leave.
func (c *Counter) Enter(company string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts[company] >= c.most {
		return false
	}
	c.counts[company]++
	return true
}

// Leave takes a caller back who has entered.
func (c *Counter) Leave(company string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts[company]--; c.counts[company] == 0 {
		delete(c.counts, company)
	}
}
