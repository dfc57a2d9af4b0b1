package callback

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

const (
	dialTimeout = 10 * time.Second // of all addresses of a host together

	// nextAddressAfter bounds how long one address is tried when there are others.
	nextAddressAfter = 2 * time.Second
)

// errHostBusy says that as many tries go to the host's addresses as may at once.
var errHostBusy = errors.New("as many callbacks are on their way to this address as may at once")

type tryKey struct{}

// dialer connects to the addresses of a host, one after the other, and counts tries by address: a company can have any
// number of names for one.
type dialer struct {
	load           *load
	resolver       *net.Resolver
	allowed        hosts
	plain, guarded net.Dialer
}

// DialContext is for an http.Transport.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	connect := &d.guarded
	if d.allowed[canonicalHost(host, port)] {
		connect = &d.plain
	}
	addresses, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	run, _ := ctx.Value(tryKey{}).(*tryRun) // nil: a connection that is part of no try is not counted
	counted := make([]string, len(addresses))
	for i, addr := range addresses {
		counted[i] = net.JoinHostPort(network64(addr), port)
	}
	d.load.learn(canonicalHost(host, port), counted)
	busy, failure := false, error(nil)
	for i, addr := range addresses {
		if !d.load.enter(run, counted[i]) {
			busy = true
			continue
		}
		conn, err := dialOne(ctx, connect, network, net.JoinHostPort(addr.String(), port), i == len(addresses)-1)
		if err == nil {
			return conn, nil
		}
		d.load.leave(run, counted[i])
		if failure == nil {
			failure = err
		}
	}
	if busy || failure == nil {
		return nil, errHostBusy
	}
	return nil, failure
}

func dialOne(ctx context.Context, connect *net.Dialer, network, address string, last bool) (net.Conn, error) {
	if !last {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, nextAddressAfter)
		defer cancel()
	}
	return connect.DialContext(ctx, network, address)
}

// resolve returns the addresses of a host, the preferred one first.
func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	resolver := d.resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	addresses, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if len(addresses) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	for i, addr := range addresses {
		addresses[i] = addr.Unmap()
	}
	return addresses, nil
}

// network64 is what counts as one address: all of an IPv6 network of 64 bits, which one machine can have.
func network64(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}
