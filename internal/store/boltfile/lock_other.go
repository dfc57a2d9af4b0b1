//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package boltfile

import (
	"errors"
	"os"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// release closes a file that bbolt has locked and mapped.
func release(file *os.File) error { return file.Close() }

// holdFile reports whether a server holds a store's file. It cannot keep one from opening it afterwards: here, an open file
// cannot be replaced in any case.
func holdFile(path string) (letGo func(), err error) {
	db, err := bbolt.Open(path, 0, &bbolt.Options{Timeout: time.Second, ReadOnly: true})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, errHeld(path)
	}
	if err == nil {
		err = db.Close()
	} else {
		err = nil // it is damaged, and nobody holds it
	}
	return func() {}, err
}
