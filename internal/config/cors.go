package config

import (
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/cors"
)

// CORS configures which pages of other origins may call the API from a browser.
type CORS struct {
	// The origins whose pages may call, such as https://app.example: a scheme, a host and at most a port, as browsers send them;
	// or * alone, for all. At least one is required. Credentials in the sense of cookies are never allowed: pages present a
	// token themselves.
	Origins []string `json:"origins,omitempty"`

	// How long browsers keep what a preflight has said, at most 24h. The default is 1h.
	MaxAge *caddy.Duration `json:"max_age,omitempty"`
}

// Age returns MaxAge, or its default.
func (c *CORS) Age() time.Duration {
	if c.MaxAge == nil {
		return cors.DefaultMaxAge
	}
	return time.Duration(*c.MaxAge)
}

// Validate reports settings that cannot be used.
func (c *CORS) Validate() error { return cors.Check(c.Origins, c.Age()) }
