//go:build !linux

package connstring

import (
	"syscall"
	"time"
)

// userTimeout has nothing to set here.
func userTimeout(time.Duration) func(string, string, syscall.RawConn) error { return nil }
