//go:build linux && faults

// These tests need a machine that lets them: strace, and root to mount a file system. They are run by `make faults`, fail
// where something is missing, and say what.

package job_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// TestFaultsFailingDiskLosesNothing makes every seventh fdatasync of a thread fail with EIO, under load, in processes that are
// killed in the end.
func TestFaultsFailingDiskLosesNothing(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("this test needs strace, which makes system calls fail; Debian's package is strace")
	}
	k := newKilled(t, filepath.Join(t.TempDir(), "store.db"))
	k.within = 3 * time.Second
	k.prefix = []string{
		strace, "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=9+7",
	}
	// What traces waits, stopped, for a process that was killed before it became the tested one, and keeps its output open.
	k.attributes = &syscall.SysProcAttr{Setpgid: true}
	k.kill = func(process *os.Process) error { return syscall.Kill(-process.Pid, syscall.SIGKILL) }
	for range 5 {
		k.round()
	}
	k.prefix = nil // the disk works again
	k.recover()
	if k.refused == 0 {
		t.Error("no fault was felt")
	}
}

// TestFaultsFullFileSystemLosesNothing fills a small file system, and makes room again.
func TestFaultsFullFileSystemLosesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=40m"); err != nil {
		t.Fatalf("this test needs root, to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	engine := start(t, openStore(t, filepath.Join(dir, "store.db")), job.Options{})
	var accepted []job.ID
	for range 20 {
		accepted = append(accepted, accept(t, engine).ID)
	}
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 64<<10))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the file system is filled: %v", err)
	}
	// bbolt has made its file long, with holes: each new page needs space that is not there.
	refused := 0
	big := request()
	big.Params = []byte(`"` + string(bytes.Repeat([]byte("x"), 32<<10)) + `"`)
	for range 500 {
		j, err := engine.Accept(t.Context(), big)
		switch {
		case err == nil:
			accepted = append(accepted, j.ID)
		case dataapi.HasCode(err, dataapi.CodeOverloaded):
			refused++
		default:
			t.Fatal(err)
		}
		if refused > 20 {
			break
		}
	}
	if refused == 0 {
		t.Fatal("a full file system took 500 jobs")
	}
	for _, id := range accepted {
		if _, err := engine.Get(t.Context(), id); err != nil {
			t.Errorf("job %s cannot be read while the disk is full: %v", id, err)
		}
	}
	if err := errors.Join(filler.Close(), os.Remove(filler.Name())); err != nil {
		t.Fatal(err)
	}
	after := accept(t, engine) // there is room again
	engine.Attach(answer(`"done"`), job.Settings{})
	for _, id := range append(accepted, after.ID) {
		if j := wait(t, engine, id); j.Status != job.Completed {
			t.Errorf("job %s is %s: %+v", id, j.Status, j.Error)
		}
	}
	t.Logf("%d jobs were accepted, %d refused while the disk was full; all that were accepted have ended", len(accepted)+1, refused)
}
