package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/config"
)

// parseAudit reads a block of what the audit trail holds beyond the rest:
//
//	audit {
//		parameters
//	}
func parseAudit(d *caddyfile.Dispenser, audit *config.Audit) error {
	return parseBlock(d, "audit", map[string]func() error{
		"parameters": func() error {
			audit.Parameters = true
			if d.NextArg() {
				return d.Errf("parameters takes no argument; got %q", d.Val())
			}
			return nil
		},
	})
}
