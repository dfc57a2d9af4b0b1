//go:build !linux

package respond

import (
	"net"
	"time"
)

// progress is not known here.
type progress struct{}

func (*progress) of(*net.TCPConn, time.Time, time.Time) (moved time.Time, known bool) {
	return time.Time{}, false
}

// boundUnsent does nothing here: how much waits for a connection is the system's affair.
func boundUnsent(*net.TCPConn) {}
