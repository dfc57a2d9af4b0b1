package e2e

import (
	"context"
	"net"
	"net/http"
)

// unixTransport speaks HTTP over a unix socket.
func unixTransport(socket string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
}
