package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/options"
)

// parseHealth reads the health routes; nil: there are to be none.
//
//	health off
//	health {
//		live   /health/live
//		ready  /health/ready
//		detail private_ranges 203.0.113.7
//	}
func parseHealth(d *caddyfile.Dispenser) (*config.Health, error) {
	if d.CountRemainingArgs() == 1 && d.NextArg() {
		if d.Val() != "off" {
			return nil, d.Errf("health takes a block, or the word off; got %q", d.Val())
		}
		return nil, nil //nolint:nilnil // no routes, and no error
	}
	health := new(config.Health)
	return health, options.Read(d, "health", health.Validate,
		options.Words("detail", "at least one network, such as 10.0.0.0/8 or private_ranges", func(networks []string) {
			for _, network := range networks {
				if network == "private_ranges" {
					health.Detail = append(health.Detail, caddyhttp.PrivateRangesCIDR()...)
					continue
				}
				health.Detail = append(health.Detail, network)
			}
		}),
		options.Text("live", &health.Live, config.DefaultLivePath),
		options.Text("ready", &health.Ready, config.DefaultReadyPath),
	)
}
