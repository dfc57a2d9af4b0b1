package config

import (
	"errors"
	"fmt"

	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// Throttle configures how requests for tokens are slowed down. A limit is written as COUNT/PERIOD, such as 100/1m, with
// `burst N` behind it where fewer or more than COUNT may come at once, or as `unlimited`.
//
// A client that sends too much from one address gets 429 with Retry-After. No API key can be locked from elsewhere: beyond the
// limits `identity` and `total` only those addresses are refused that have failed within the last minute.
type Throttle struct {
	// Requests from one address: an IPv4 address, or an IPv6 network of 64 bits, as Caddy's trusted_proxies make it out.
	// The default is 1000/1m.
	Address string `json:"address,omitempty"`

	// Failed requests from one address. The default is 100/1m.
	Failures string `json:"failures,omitempty"`

	// Failed requests for one company and API key, from anywhere. The default is 100/1m.
	Identity string `json:"identity,omitempty"`

	// Failed requests in all. The default is 6000/1m.
	Total string `json:"total,omitempty"`
}

// The defaults of [Throttle].
const (
	DefaultThrottleAddress  = "1000/1m"
	DefaultThrottleFailures = "100/1m"
	DefaultThrottleIdentity = "100/1m"
	DefaultThrottleTotal    = "6000/1m"
)

// NoThrottle limits nothing.
func NoThrottle() *Throttle {
	none := ratelimit.Unlimited.String()
	return &Throttle{Address: none, Failures: none, Identity: none, Total: none}
}

func (t *Throttle) setDefaults() {
	setDefault(&t.Address, DefaultThrottleAddress)
	setDefault(&t.Failures, DefaultThrottleFailures)
	setDefault(&t.Identity, DefaultThrottleIdentity)
	setDefault(&t.Total, DefaultThrottleTotal)
}

// Limits reads the limits, and reports everything that is wrong with them at once. One that is left out does not limit.
func (t *Throttle) Limits() (limits ratelimit.ThrottleLimits, err error) {
	if t == nil {
		return limits, nil
	}
	var faults []error
	read := func(setting, text string) ratelimit.Limit {
		if text == "" {
			return ratelimit.Unlimited
		}
		limit, err := ratelimit.Parse(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("tokens.throttle.%s: %q %w", setting, text, err))
		}
		return limit
	}
	limits = ratelimit.ThrottleLimits{
		Address: read("address", t.Address), Failures: read("failures", t.Failures),
		Identity: read("identity", t.Identity), Total: read("total", t.Total),
	}
	return limits, errors.Join(faults...)
}
