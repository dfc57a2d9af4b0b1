package respond

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// progress is what is known of how far a reader has come on its connection.
type progress struct {
	begun time.Time // of the write that this is about
	acked uint64    // bytes that have arrived
	moved time.Time // when there were more of them than before
}

// of returns when something of a write that began at a moment has last arrived, and whether that is known.
func (p *progress) of(conn *net.TCPConn, begun, now time.Time) (moved time.Time, known bool) {
	acked, known := ackedBytes(conn)
	switch {
	case !known:
	case !p.begun.Equal(begun):
		*p = progress{begun: begun, acked: acked, moved: begun}
	case acked != p.acked:
		p.acked, p.moved = acked, now
	}
	return p.moved, known
}

func ackedBytes(conn *net.TCPConn) (acked uint64, known bool) {
	control(conn, func(descriptor int) {
		if info, err := unix.GetsockoptTCPInfo(descriptor, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			acked, known = info.Bytes_acked, true
		}
	})
	return acked, known
}

// mostUnsent is how many bytes of a long answer wait in the system for their connection: what it takes in a fifth of a millisecond at
// 10 Gbit/s.
const mostUnsent = 256 << 10

// boundUnsent lets a connection take no more than that ahead of what it sends. Else the system copies megabytes for each reader who takes
// nothing, in milliseconds that others wait for, and keeps them in memory that is nobody's budget.
func boundUnsent(conn *net.TCPConn) {
	control(conn, func(descriptor int) {
		_ = unix.SetsockoptInt(descriptor, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, mostUnsent) // a system that cannot goes on without
	})
}

// control uses the descriptor of a connection, if it is known and open.
func control(conn *net.TCPConn, use func(descriptor int)) {
	if conn == nil {
		return
	}
	if raw, err := conn.SyscallConn(); err == nil {
		_ = raw.Control(func(descriptor uintptr) { use(int(descriptor)) })
	}
}
