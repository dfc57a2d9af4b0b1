package caddyfile

import (
	"math"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

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
		return validated(d, func() error { return oneLimit(d, target) }, func() error {
			_, err := throttle.Limits()
			return err
		})
	}
	return parseBlock(d, "throttle", map[string]func() error{
		"address":  limit(&throttle.Address),
		"failures": limit(&throttle.Failures),
		"identity": limit(&throttle.Identity),
		"total":    limit(&throttle.Total),
	})
}

// oneLimit reads a limit, the words of which are arguments of their own.
func oneLimit(d *caddyfile.Dispenser, target *string) error {
	option := d.Val()
	words := d.RemainingArgs()
	if len(words) == 0 {
		return d.Errf("%s needs a limit, such as 100/1m burst 20", option)
	}
	*target = strings.Join(words, " ")
	return nil
}

// oneQuota reads a number of bytes.
func oneQuota(d *caddyfile.Dispenser, target *int64) error {
	option := d.Val()
	var text string
	if err := oneArg(d, &text); err != nil {
		return err
	}
	size, err := humanize.ParseBytes(text)
	if err != nil || size < 1 || size > math.MaxInt64 {
		return d.Errf("%s must be a size such as 500MiB or 10GiB; got %q", option, text)
	}
	*target = int64(size)
	return nil
}
