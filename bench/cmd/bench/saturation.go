package main

import (
	"bufio"
	"context"
	"net"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

const (
	idleClients   = 9_000 // that keep their connections and ask nothing
	activeClients = 1_000 // that ask again as soon as they are answered: many times what keeps both processors busy
)

// saturate returns how many requests a second are answered with a result while far more callers ask than can be served, and
// far more are connected. Those that are refused do not count.
func (l *lab) saturate(ctx context.Context) (float64, error) {
	s, err := l.hs256(ctx)
	if err != nil {
		return 0, err
	}
	t := targetOf("point", s.port, s.token)
	if err := t.check(ctx); err != nil {
		return 0, err
	}
	connections := make([]net.Conn, 0, idleClients)
	defer func() {
		for _, conn := range connections {
			_ = conn.Close()
		}
	}()
	reader := bufio.NewReader(nil)
	for range idleClients { // each has asked once, and may ask again
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address(t.port))
		if err != nil {
			return 0, err
		}
		connections = append(connections, conn)
		reader.Reset(conn)
		if err := (&caller{conn, reader}).ask(t.request(t.bodies[0])); err != nil {
			return 0, err
		}
	}
	counted, err := l.runWrk(ctx, t, activeClients, l.seconds)
	say("%.0f answers, %d of them refusals, %d requests that broke", counted.Requests, counted.Refused, counted.Broken)
	return (counted.Requests - float64(counted.Refused)) / counted.Microseconds * 1e6, err
}

// saturationMeasures hold the rate, and by how many MiB the server's memory grows at its peak meanwhile.
func saturationMeasures() []measure {
	var highest float64
	return []measure{
		{name: "saturated", unit: "/s", run: func(ctx context.Context, l *lab) (float64, error) {
			s, err := l.hs256(ctx)
			if err != nil {
				return 0, err
			}
			idle, err := rig.Memory(s.pid(), "VmRSS")
			if err != nil {
				return 0, err
			}
			if err := resetPeak(s.pid()); err != nil {
				return 0, rig.ErrNoProc
			}
			rate, err := l.saturate(ctx)
			if err != nil {
				return 0, err
			}
			peak, err := rig.Memory(s.pid(), "VmHWM")
			highest = peak - idle
			return rate, err
		}},
		{name: "memory of saturation", unit: "MiB", of: "saturated", run: func(context.Context, *lab) (float64, error) { return highest, nil }},
	}
}
