package catalog

import "time"

// At returns options for a catalog that takes it to be later than it is: files that were written just now have been left alone since.
func (o Options) At(later time.Duration) Options {
	o.now = func() time.Time { return time.Now().Add(later) }
	return o
}

// Reads returns how many files were read.
func (c *Catalog) Reads() int64 { return c.reads.Load() }
