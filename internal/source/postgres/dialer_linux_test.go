package postgres

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel is told to find connections that died without a word.
func TestConnectionsAreWatchedByTheKernel(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	connection, err := newDialer().DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	for name, option := range map[string]struct{ level, option, want int }{
		"SO_KEEPALIVE":     {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		"TCP_KEEPIDLE":     {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 10},
		"TCP_KEEPINTVL":    {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 5},
		"TCP_KEEPCNT":      {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
		"TCP_USER_TIMEOUT": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 15_000},
	} {
		got, failure := 0, error(nil)
		err := socketOf(connection).Control(func(descriptor uintptr) {
			got, failure = unix.GetsockoptInt(int(descriptor), option.level, option.option)
		})
		if err != nil || failure != nil || got != option.want {
			t.Errorf("%s is %d, %v, %v, want %d", name, got, err, failure, option.want)
		}
	}
}
