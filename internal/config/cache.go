package config

import (
	"errors"
	"fmt"

	"github.com/solucao42/caddy-data-api/internal/cache"
)

// Cache bounds the results that are kept in memory. Only endpoints whose files have limits.cache use it. It belongs to
// the configuration: a reload begins with an empty one.
type Cache struct {
	// The most bytes of all results together. The default is 64 MiB, the least 1 MiB.
	Size int64 `json:"size,omitempty"`

	// The most bytes of one result; a larger one is not kept, and runs its query each time. The default is 1 MiB, or size
	// if that is less; the most is size.
	MaxResult int64 `json:"max_result,omitempty"`
}

// minCache is the least size of a cache in bytes.
const minCache = 1 << 20

func (c *Cache) setDefaults() {
	setDefault(&c.Size, cache.DefaultSize)
	setDefault(&c.MaxResult, min(cache.DefaultMaxResult, c.Size))
}

// Validate reports what is wrong with the settings; those that are left out are right.
func (c *Cache) Validate() error {
	if c == nil {
		return nil
	}
	var size, result error
	if c.Size != 0 && c.Size < minCache {
		size = fmt.Errorf("cache.size is %d bytes: it must be at least %d", c.Size, minCache)
	}
	if c.MaxResult < 0 || c.Size > 0 && c.MaxResult > c.Size {
		result = fmt.Errorf("cache.max_result is %d bytes: it must lie between 1 and cache.size, %d", c.MaxResult, c.Size)
	}
	return errors.Join(size, result)
}
