package boltfile_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// asNobody runs a function whose access to files is that of a user without rights, also where root runs the tests. The
// function must open files itself, since the rights are those of its thread.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		const nobody = 65534
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0); errno != 0 {
			t.Error(errno)
			return
		}
		do()
	}()
	<-done
}
