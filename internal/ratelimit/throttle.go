package ratelimit

import (
	"net/netip"
	"time"
)

// ThrottleLimits are the limits of requests for tokens. Each may be [Unlimited].
type ThrottleLimits struct {
	Address  Limit // requests from one address
	Failures Limit // of them, those that fail
	Identity Limit // failures for one company and API key, from everywhere
	Total    Limit // failures in all
}

// Throttle slows down those who guess at credentials, and never locks out the owner of the credentials.
//
// An address that has sent too much, or failed too often, is refused before anything is verified. Failures for one API key
// and failures in all have limits as well, which an attacker can use up from elsewhere; so these are soft: beyond them
// an address that has failed within the last minute is refused, and a quiet one is still verified. A good secret from
// a quiet address gets in, whatever others do; a network of guessers is down to one guess a minute for each address.
//
// What is counted under an API key is the one that a request presents, whether it exists or not, so that being refused
// tells nothing.
//
// Its memory is fixed. It is safe for concurrent use and outlives a configuration: see [Throttle.Begin].
type Throttle struct {
	requests, failures, identities, suspects, total *Table
}

// The places of a throttle's tables: 4 MiB in all, of which only what is used becomes resident.
const throttlePlaces = 1 << 16

// quietAfter is how long ago an address must have failed last to count as quiet.
const quietAfter = time.Minute

// NewThrottle makes a throttle that has seen nothing. Now is its clock.
func NewThrottle(now func() time.Time) *Throttle {
	return &Throttle{
		requests:   NewTable(throttlePlaces, now),
		failures:   NewTable(throttlePlaces, now),
		identities: NewTable(throttlePlaces, now),
		suspects:   NewTable(throttlePlaces, now),
		total:      NewTable(ways, now),
	}
}

// ShareAmong makes the throttle one of several: see [Table.ShareAmong].
func (t *Throttle) ShareAmong(servers func() int) {
	for _, table := range []*Table{t.requests, t.failures, t.identities, t.total} {
		table.ShareAmong(servers)
	}
}

// Attempt is one request for tokens.
type Attempt struct {
	throttle *Throttle
	limits   ThrottleLimits
	address  string
	identity Key
	named    bool
	exceeded string
}

// Exceeded names the limit for which [Throttle.Begin] or [Attempt.Present] has refused the attempt: address, failures, identity or
// total.
func (a *Attempt) Exceeded() string { return a.exceeded }

// Begin counts a request from an address, which is an IP address as text; all other texts count as one. When it
// returns a wait above zero the request is to be refused, without a look at what it presents.
//
// Requests that are verified at the same instant may together exceed a limit of failures by as many as they are.
func (t *Throttle) Begin(limits ThrottleLimits, address string) (attempt Attempt, wait time.Duration) {
	attempt = Attempt{throttle: t, limits: limits, address: network(address)}
	if state := t.requests.Take(t.requests.Key(attempt.address), limits.Address); !state.OK {
		attempt.exceeded = "address"
		return attempt, state.Retry
	}
	if state := t.failures.Look(t.failures.Key(attempt.address), limits.Failures); !state.OK {
		attempt.exceeded = "failures"
		return attempt, state.Retry
	}
	attempt.exceeded = "total"
	return attempt, attempt.unlessQuiet(t.total.Look(0, limits.Total))
}

// Present says for whom the attempt presents a secret. When it returns a wait above zero the request is to be refused,
// without a look at the secret.
func (a *Attempt) Present(company, apiKey string) (wait time.Duration) {
	a.identity, a.named, a.exceeded = a.throttle.identities.Key(company, apiKey), true, "identity"
	return a.unlessQuiet(a.throttle.identities.Look(a.identity, a.limits.Identity))
}

func (a *Attempt) unlessQuiet(state State) (wait time.Duration) {
	if state.OK || !a.throttle.suspects.marked(a.throttle.suspects.Key(a.address)) {
		return 0
	}
	return state.Retry
}

// Failed counts the attempt as a failure.
func (a *Attempt) Failed() {
	t := a.throttle
	t.failures.Take(t.failures.Key(a.address), a.limits.Failures)
	t.suspects.mark(t.suspects.Key(a.address), quietAfter)
	t.total.Take(0, a.limits.Total)
	if a.named {
		t.identities.Take(a.identity, a.limits.Identity)
	}
}

// network is what counts as one address: an IPv4 address, or an IPv6 network of 64 bits, all of which one host can have.
func network(address string) string {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	parsed = parsed.Unmap().WithZone("")
	if parsed.Is4() {
		return parsed.String()
	}
	prefix, err := parsed.Prefix(64)
	if err != nil {
		return ""
	}
	return prefix.String()
}
