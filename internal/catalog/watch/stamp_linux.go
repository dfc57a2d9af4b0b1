package watch

import (
	"os"
	"syscall"
)

// systemStamp has what package os does not tell. The time of change is set by the system alone: a copy that keeps the time of
// modification does not go unnoticed.
func systemStamp(info os.FileInfo) (Stamp, bool) {
	found, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Stamp{}, false
	}
	return Stamp{device: uint64(found.Dev), inode: found.Ino, changed: found.Ctim.Nano()}, true //nolint:unconvert // it is so on some processors only
}
