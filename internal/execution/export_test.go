package execution

// Compiled is how many statements are held.
func (q *Queries) Compiled() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.compiled)
}
