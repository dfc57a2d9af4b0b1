package boltfile

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"

	"go.etcd.io/bbolt"
)

// What an operator is told to do.
const (
	adviceDamaged = "restore a backup of the file, and look at the disk and the memory of this machine"
	adviceEmpty   = "a store is never empty: restore a backup of the file, or remove it to begin with a new store, which " +
		"knows no API key, no job and no result"
)

// look checks the file before it is opened for writing, under a lock that keeps writers away, and returns the buckets
// that are to be made again.
func (s *File) look() (remake []string, err error) {
	if err := whole(s.path); err != nil {
		return nil, err
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", s.path, err)
	}
	s.narrow(info.Mode().Perm())
	found, err := s.inspect(false, nil)
	if err != nil {
		return nil, s.refusal(err)
	}
	for _, name := range sortedKeys(found.damages) {
		for _, damage := range found.damages[name] {
			if s.layout.kinds[name].role == primary {
				s.ReportDamage(damage)
			}
		}
		if s.layout.kinds[name].role != primary {
			s.damages.log.Error("an index of the store is damaged; it is made again. Look at the disk and the memory of this machine",
				slog.String("file", s.path), slog.String("index", name), slog.Any("error", found.damages[name][0]))
			remake = append(remake, name)
		}
	}
	return remake, nil
}

// whole reports what is no file that could hold a store.
func whole(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("store %s: %w", path, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("store %s: it is not a regular file", path)
	case info.Size() == 0:
		return fmt.Errorf("store %s: the file has 0 bytes: %s", path, adviceEmpty)
	}
	return nil
}

// inspect inspects a file that no other process writes to.
func (s *File) inspect(deep bool, progress func(done, most int64)) (found *inspection, err error) {
	// Opened for reading, bbolt takes the lock, reads the meta pages and looks at nothing else.
	var db *bbolt.DB
	reading := bbolt.Options{Timeout: s.options.Timeout, ReadOnly: true}
	err = guarded(func() (err error) {
		db, err = bbolt.Open(s.path, 0, &reading)
		return err
	})
	if err != nil {
		if short := tooShort(s.path); short != nil {
			err = short
		}
		return nil, err
	}
	defer func() { err = errors.Join(err, guarded(db.Close)) }()
	file, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return inspect(file, info.Size(), s.layout, deep, progress)
}

// tooShort says so when a file cannot hold what each of them begins with.
func tooShort(path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() < int64(4*os.Getpagesize()) {
		return structure("it was cut short: it has %d bytes", info.Size())
	}
	return nil
}

// narrow closes the file to those who are neither its owner nor of its group, and its group to writing.
// Where that cannot be done, as on a file system without modes, it is a warning.
func (s *File) narrow(mode os.FileMode) {
	const foreign = 0o027
	if runtime.GOOS == "windows" || mode&foreign == 0 {
		return // on Windows modes say nothing
	}
	err := os.Chmod(s.path, mode&^foreign)
	if info, statErr := os.Stat(s.path); err == nil && statErr == nil && info.Mode().Perm()&foreign != 0 {
		err = errors.New("its file system does not keep modes")
	}
	attributes := []any{slog.String("file", s.path), slog.String("mode_before", fmt.Sprintf("%04o", mode))}
	if err != nil {
		s.damages.log.Warn("others can read or change the store, and it cannot be closed to them. Anyone who reads it can act as the "+
			"server: let its owner chmod 600 it, or close its directory to others", append(attributes, slog.Any("error", err))...)
		return
	}
	s.damages.log.Warn("others were able to read or change the store; its mode is narrowed. Anyone who has read it can act as "+
		"the server: if that may have happened, rotate the signing keys and make new API keys",
		append(attributes, slog.String("mode", fmt.Sprintf("%04o", mode&^foreign)))...)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
