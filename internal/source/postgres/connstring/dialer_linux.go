package connstring

import (
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// userTimeout limits how long sent bytes may stay unconfirmed; 0 leaves that to the system.
func userTimeout(limit time.Duration) func(network, address string, socket syscall.RawConn) error {
	if limit == 0 {
		return nil
	}
	return func(network, _ string, socket syscall.RawConn) error {
		if !strings.HasPrefix(network, "tcp") {
			return nil
		}
		var failure error
		err := socket.Control(func(descriptor uintptr) {
			failure = unix.SetsockoptInt(int(descriptor), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
		})
		if err != nil {
			return err
		}
		return failure
	}
}
