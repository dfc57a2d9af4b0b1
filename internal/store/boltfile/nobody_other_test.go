//go:build !linux

package boltfile_test

import (
	"os"
	"testing"
)

// asNobody runs a function without rights to files, which needs a user who has none.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Fatal("run the tests as another user than root")
	}
	do()
}
