package watch

import (
	"os"
	"time"
)

// Stamp tells a file's contents from those that it has had before without reading it: where it lies, how long it is, and when it
// was written and changed last, its times included. The zero Stamp tells nothing.
type Stamp struct {
	device, inode     uint64
	size              int64
	modified, changed int64 // Unix times in nanoseconds
}

// settling is how long a file must have been left alone before its stamp tells anything: two changes within one tick of the file
// system's clock have one time, and some clocks tick every two seconds.
const settling = 3 * time.Second

// NewStamp returns the stamp of a file that was looked at then or later, before it is read.
func NewStamp(info os.FileInfo, now time.Time) Stamp {
	found, ok := systemStamp(info)
	if !ok || now.IsZero() {
		return Stamp{}
	}
	found.size, found.modified = info.Size(), info.ModTime().UnixNano()
	if age := now.UnixNano() - max(found.modified, found.changed); age < int64(settling) {
		return Stamp{}
	}
	return found
}

// IsOf reports whether a file with another stamp has the same contents; not: it has others, or nobody knows.
func (s Stamp) IsOf(other Stamp) bool { return s != Stamp{} && s == other }
