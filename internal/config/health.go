package config

import (
	"errors"
	"fmt"
	"net/netip"
	pathpkg "path"
	"strings"
)

// Health configures the routes that load balancers and orchestrators ask.
type Health struct {
	// The path at which the server says that it runs. The default is /health/live.
	Live string `json:"live,omitempty"`

	// The path at which the server says whether it can serve. The default is /health/ready.
	Ready string `json:"ready,omitempty"`

	// The networks, as addresses or in CIDR notation, whose callers are told what is well and what is not: the state of the
	// catalog, the store and each source. Everybody else gets the status alone. By default nobody is told.
	Detail []string `json:"detail,omitempty"`
}

// The paths of the health routes where the configuration names none.
const (
	DefaultLivePath  = "/health/live"
	DefaultReadyPath = "/health/ready"
)

// SetDefaults fills in what was left out. It is idempotent.
func (h *Health) SetDefaults() {
	setDefault(&h.Live, DefaultLivePath)
	setDefault(&h.Ready, DefaultReadyPath)
}

// Validate reports what is wrong with the settings; those that are left out are right.
func (h *Health) Validate() error {
	faults := []error{checkPath("health.live", h.Live, "", DefaultLivePath), checkPath("health.ready", h.Ready, "", DefaultReadyPath)}
	if h.Live != "" && h.Live == h.Ready {
		faults = append(faults, fmt.Errorf("health.live and health.ready are both %s", h.Live))
	}
	for _, network := range h.Detail {
		if _, err := ParseNetwork(network); err != nil {
			faults = append(faults, fmt.Errorf("health.detail %q: %w", network, err))
		}
	}
	return errors.Join(faults...)
}

// ParseNetwork reads an address, or a network in CIDR notation.
func ParseNetwork(text string) (netip.Prefix, error) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Masked(), nil
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.Prefix{}, errors.New("must be an address or a network, such as 127.0.0.1 or 10.0.0.0/8")
	}
	return netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
}

// checkPath reports what is not a path, and a path that the API needs. It does not mind an empty one. offOr names what else is allowed.
func checkPath(setting, path, offOr, example string) error {
	switch {
	case path == "":
		return nil
	case !strings.HasPrefix(path, "/") || len(path) < 2 || strings.HasSuffix(path, "/") || strings.ContainsAny(path, "*?#{} \t"),
		pathpkg.Clean(path) != path: // which no request has: Caddy cleans paths before it compares them
		return fmt.Errorf("%s must be %sa path such as %s: beginning with a slash, not ending with one, without wildcards, // and ..; got %q",
			setting, offOr, example, path)
	case below(path, "/api"), below(path, "/.well-known"):
		return fmt.Errorf("%s must not lie below /api or /.well-known, which belong to the API", setting)
	default:
		return nil
	}
}
