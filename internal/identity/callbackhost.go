package identity

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// CallbackHostRule says in words what [ValidCallbackHost] accepts, for error messages.
const CallbackHostRule = "a host name or address without a port, such as hooks.example.com, or *. and a domain for all names below it"

// ValidCallbackHost reports whether an entry is allowed in [Company.CallbackHosts].
func ValidCallbackHost(entry string) bool {
	if _, err := netip.ParseAddr(entry); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimPrefix(entry, "*."), ".")
	for _, label := range labels {
		if !dataapi.ValidSlug(label) {
			return false
		}
	}
	return len(labels) > 1 || entry == labels[0]
}

// CheckCallback reports why the company's jobs may not be announced to a URL, in words for the caller who sent it. It
// looks at the company's own list alone: what may be called at all is package callback's to say.
func (c *Company) CheckCallback(rawURL string) error {
	if c.CallbackHosts == nil {
		return nil
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return errors.New("this is not a URL") // the parser's own words repeat the URL, which may hold a password
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	for _, allowed := range c.CallbackHosts {
		domain, wildcard := strings.CutPrefix(allowed, "*")
		if wildcard && strings.HasSuffix(host, domain) || host == allowed {
			return nil
		}
	}
	return fmt.Errorf("the URL's host is not one of those that your company's callbacks may go to: %s",
		strings.Join(c.CallbackHosts, ", "))
}
