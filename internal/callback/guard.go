package callback

import (
	"net"
	"net/http"
	"net/netip"
	"time"

	"code.dny.dev/ssrf"
)

// guardian knows every special-purpose network of IANA's registries, and Azure's host service besides, which has a
// public address.
var guardian = ssrf.New(
	ssrf.WithPorts(443),
	ssrf.WithDeniedV4Prefixes(netip.MustParsePrefix("168.63.129.16/32")),
)

// newClient makes a client that connects to public addresses, port 443, and to allowed hosts. The address is checked
// after the name was resolved and before anything is sent, so that a name server cannot change its mind in between.
// It uses no proxy, follows no redirect and keeps no connection.
func newClient(allowed hosts, resolver *net.Resolver, load *load) *http.Client {
	dial := &dialer{load: load, resolver: resolver, allowed: allowed, guarded: net.Dialer{Control: guardian.Safe}}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would connect where it likes
			DialContext:            dial.DialContext,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: maxResponse,
		},
	}
}
