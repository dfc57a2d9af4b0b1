package connstring

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// A connection that has died silently is found by the kernel: after keepaliveIdle without traffic it asks, and
// after unacknowledged in which the other side has not confirmed what was sent, the connection is over. A statement that takes
// its time is not, since the server's kernel confirms. The connection string may say otherwise.
const (
	keepaliveIdle     = 10 * time.Second
	keepaliveInterval = 5 * time.Second
	keepaliveProbes   = 3
	unacknowledged    = 15 * time.Second // TCP_USER_TIMEOUT, where there is one
)

// newDialer makes the connections to the database, and those of cancel requests, as the words of the connection string say:
// keepalives, keepalives_idle, keepalives_interval and keepalives_count, and tcp_user_timeout. A value of 0 is the system's.
func newDialer(words map[string]string) (*net.Dialer, error) {
	var faults []error
	number := func(name string, most, otherwise int) int {
		value := strings.TrimSpace(words[name])
		if value == "" {
			return otherwise
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > most {
			faults = append(faults, fmt.Errorf("DSN: %s is %q: it must be a whole number from 0 to %d", name, value, most))
		}
		return n
	}
	seconds := func(name string, otherwise time.Duration) time.Duration {
		return systems(time.Duration(number(name, 1<<15-1, int(otherwise.Seconds()))) * time.Second)
	}
	keepalive := net.KeepAliveConfig{
		Enable:   number("keepalives", 1, 1) == 1,
		Idle:     seconds("keepalives_idle", keepaliveIdle),
		Interval: seconds("keepalives_interval", keepaliveInterval),
		Count:    systems(number("keepalives_count", 127, keepaliveProbes)),
	}
	dialer := &net.Dialer{KeepAliveConfig: keepalive}
	if !keepalive.Enable {
		dialer.KeepAlive = -1
	}
	limit := time.Duration(number("tcp_user_timeout", 1<<31-1, int(unacknowledged.Milliseconds()))) * time.Millisecond
	dialer.Control = userTimeout(limit)
	return dialer, errors.Join(faults...)
}

// systems makes libpq's 0, for what the system has, into the -1 of package net.
func systems[N int | time.Duration](n N) N {
	if n == 0 {
		return -1
	}
	return n
}
