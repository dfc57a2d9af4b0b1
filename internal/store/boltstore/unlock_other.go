//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package boltstore

import "os"

// release closes a file that bbolt has locked and mapped.
func release(file *os.File) error { return file.Close() }
