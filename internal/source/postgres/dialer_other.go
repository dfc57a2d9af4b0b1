//go:build !linux

package postgres

import "syscall"

// setUserTimeout has nothing to set here.
func setUserTimeout(string, string, syscall.RawConn) error { return nil }
