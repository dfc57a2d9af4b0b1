package caddyfile

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/config"
	"github.com/solucao42/caddy-data-api/internal/options"
)

// parseThrottle reads the limits of requests for tokens:
//
//	throttle off
//	throttle {
//		address  1000/1m
//		failures 100/1m
//		identity 100/1m burst 50
//		total    6000/1m
//	}
func parseThrottle(d *caddyfile.Dispenser, tokens *config.Tokens) error {
	if d.NextArg() {
		if words := append([]string{d.Val()}, d.RemainingArgs()...); len(words) > 1 || words[0] != "off" {
			return d.Errf("throttle takes a block of limits, or the word off; got %q", strings.Join(words, " "))
		}
		tokens.Throttle = config.NoThrottle()
		return nil
	}
	throttle := new(config.Throttle)
	tokens.Throttle = throttle
	limit := func(name string, target *string) options.Option {
		return options.Words(name, "a limit, such as 100/1m burst 20", func(words []string) { *target = strings.Join(words, " ") })
	}
	check := func() error {
		_, err := throttle.Limits()
		return err
	}
	return options.Read(d, "throttle", check, limit("address", &throttle.Address), limit("failures", &throttle.Failures),
		limit("identity", &throttle.Identity), limit("total", &throttle.Total))
}
