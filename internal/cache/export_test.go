package cache

// Close ends the removal of old entries, which otherwise ends when the cache is collected: a test's bubble waits for it.
func (c *Cache) Close() { c.entries.StopAllGoroutines() }
