package config

import (
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/usage"
)

// Usage configures what is kept of who has called what.
type Usage struct {
	// How long it is kept, hour by hour. The default is 2160h (90 days); the least is 744h (31 days), since monthly quotas are
	// looked up in it, the most 87600h (10 years).
	Retention caddy.Duration `json:"retention,omitempty"`
}

const maxUsageRetention = 10 * 365 * 24 * time.Hour

// Validate reports what is wrong with the settings; those that are left out are right.
func (u *Usage) Validate() error {
	retention := time.Duration(u.Retention)
	if retention != 0 && (retention < usage.MinRetention || retention > maxUsageRetention) {
		return fmt.Errorf("usage.retention is %s: it must lie between %dd and %dd", retention, usage.MinRetention/(24*time.Hour),
			maxUsageRetention/(24*time.Hour))
	}
	return nil
}
