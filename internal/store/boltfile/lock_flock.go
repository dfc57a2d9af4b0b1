//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package boltfile

import (
	"errors"
	"os"
	"syscall"
)

// release closes a file that bbolt has locked and mapped. The mapping, which stays, would keep the lock.
func release(file *os.File) error {
	return errors.Join(syscall.Flock(int(file.Fd()), syscall.LOCK_UN), file.Close())
}

// holdFile takes the lock of a store's file, sound or not, so that no server can open it before letGo is called. It fails at
// once when a server, or anybody else, holds the file.
func holdFile(path string) (letGo func(), err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return func() { _ = release(file) }, nil
	}
	file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errHeld(path)
	}
	return nil, err
}
