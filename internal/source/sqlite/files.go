package sqlite

import (
	"strconv"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
)

// files opens the files of one connection, and lets nothing be read or written once its statement is to end. SQLite asks
// for interruptions between the instructions of a statement alone, and one instruction can merge a gigabyte of sorted rows,
// or count the pages of a whole table.
type files struct {
	vfs.VFSFilename
	name string
	db   *sqlite3.Conn // nil until it is open
}

var connections atomic.Uint64

// newFiles makes what opens a connection's files, and registers it under its name. It is unregistered by close.
func newFiles() *files {
	f := &files{
		VFSFilename: vfs.Find("os").(vfs.VFSFilename), //nolint:forcetypeassert // the driver's own
		name:        "data-api-" + strconv.FormatUint(connections.Add(1), 10),
	}
	vfs.Register(f.name, f)
	return f
}

func (f *files) close() { vfs.Unregister(f.name) }

// OpenFilename implements [vfs.VFSFilename]. Of the database and of temporary files there may be much to read; what
// guards a transaction, its journal and write-ahead log, is left alone.
func (f *files) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	opened, flags, err := f.VFSFilename.OpenFilename(name, flags)
	if err != nil || flags&(vfs.OPEN_MAIN_JOURNAL|vfs.OPEN_SUPER_JOURNAL|vfs.OPEN_WAL) != 0 {
		return opened, flags, err
	}
	if whole, ok := opened.(systemFile); ok {
		return &file{whole, f}, flags, nil
	}
	return opened, flags, nil
}

// ended reports whether the statement that runs is to end.
func (f *files) ended() bool { return f.db != nil && f.db.GetInterrupt().Err() != nil }

// systemFile is all that the driver's files can do.
type systemFile interface {
	vfs.FileLockState
	vfs.FileHasMoved
	vfs.FileSizeHint
	vfs.FilePersistWAL
	vfs.FilePowersafeOverwrite
	vfs.FileSharedMemory
	vfs.FileMemoryMapper
}

// file is one of them.
type file struct {
	systemFile
	of *files
}

var _ vfs.FileUnwrap = (*file)(nil)

// Unwrap implements [vfs.FileUnwrap].
func (f *file) Unwrap() vfs.File { return f.systemFile }

// ReadAt implements [vfs.File].
func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	if f.of.ended() {
		return 0, sqlite3.INTERRUPT
	}
	return f.systemFile.ReadAt(p, offset)
}

// WriteAt implements [vfs.File].
func (f *file) WriteAt(p []byte, offset int64) (int, error) {
	if f.of.ended() {
		return 0, sqlite3.INTERRUPT
	}
	return f.systemFile.WriteAt(p, offset)
}
