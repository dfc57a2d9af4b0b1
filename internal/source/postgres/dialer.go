package postgres

import (
	"net"
	"time"
)

// A connection that has died without a word is found by the kernel: after keepaliveIdle without traffic it asks, and
// after unacknowledged in which the other side has not confirmed what was sent, the connection is over. A statement that takes
// its time is not, since the server's kernel confirms.
const (
	keepaliveIdle     = 10 * time.Second
	keepaliveInterval = 5 * time.Second
	keepaliveProbes   = 3
	unacknowledged    = 15 * time.Second // TCP_USER_TIMEOUT, where there is one
)

// newDialer makes the connections to the database, and those of cancel requests.
func newDialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: keepaliveIdle, Interval: keepaliveInterval, Count: keepaliveProbes,
		},
		Control: setUserTimeout,
	}
}
