//go:build unix

package postgres

import (
	"errors"
	"syscall"
)

// look reads nothing from the socket, which nobody else reads from now.
func look(socket syscall.RawConn) socketState {
	if socket == nil {
		return quiet
	}
	state := quiet
	var first [1]byte
	err := socket.Control(func(descriptor uintptr) {
		// Go's sockets do not block.
		switch n, _, err := syscall.Recvfrom(int(descriptor), first[:], syscall.MSG_PEEK); {
		case n > 0:
			state = hasUnreadInput
		case err == nil, !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR):
			state = ended
		}
	})
	if err != nil { // it is closed
		return ended
	}
	return state
}
