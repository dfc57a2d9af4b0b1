package postgres

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What a socket has is what the string says.
func TestSocketsHaveTheirTimeouts(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for words, want := range map[string][5]int{ // SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT
		"": {1, 10, 5, 3, 15_000},
		"keepalives=1 keepalives_idle=33 keepalives_interval=7 keepalives_count=4 tcp_user_timeout=9000": {1, 33, 7, 4, 9000},
		"keepalives=0 tcp_user_timeout=0": {0, -1, -1, -1, 0},
	} {
		connection, err := targetOf(t, Config{DSN: "host=localhost " + words}).Connect.DialFunc(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		raw, err := connection.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Control(func(descriptor uintptr) {
			for i, option := range [][2]int{
				{unix.SOL_SOCKET, unix.SO_KEEPALIVE}, {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE}, {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
				{unix.IPPROTO_TCP, unix.TCP_KEEPCNT}, {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT},
			} {
				got, err := unix.GetsockoptInt(int(descriptor), option[0], option[1])
				if err != nil || want[i] >= 0 && got != want[i] {
					t.Errorf("%q: option %d is %d, %v; want %d", words, i, got, err, want[i])
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
		connection.Close()
	}
}
