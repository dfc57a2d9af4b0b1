package caddyfile

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/config"
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
	if d.CountRemainingArgs() == 1 && d.NextArg() {
		if d.Val() != "off" {
			return d.Errf("throttle takes a block of limits, or the word off; got %q", d.Val())
		}
		tokens.Throttle = config.NoThrottle()
		return nil
	}
	throttle := new(config.Throttle)
	tokens.Throttle = throttle
	limit := func(target *string) func() error {
		return words(d, func(words []string) { *target = strings.Join(words, " ") }, "a limit, such as 100/1m burst 20")
	}
	check := func() error {
		_, err := throttle.Limits()
		return err
	}
	return parseBlock(d, "throttle", check,
		option{name: "address", read: limit(&throttle.Address)},
		option{name: "failures", read: limit(&throttle.Failures)},
		option{name: "identity", read: limit(&throttle.Identity)},
		option{name: "total", read: limit(&throttle.Total)},
	)
}
