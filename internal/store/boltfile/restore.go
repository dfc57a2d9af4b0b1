package boltfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Restored says what Restore has done.
type Restored struct {
	Report Report // of the store as it is now
	Aside  string // where the store is that was in its place; empty: there was none
}

// asideFormat dates the name of a store that was replaced.
const asideFormat = "20060102T150405Z"

// Restore puts a backup in the place of a store, which no server may hold. The backup must be sound: it is copied beside the
// store and checked before anything else changes, and takes its place in one step. A store that is there is refused, or with
// force kept aside under a name that ends with the date.
func Restore(ctx context.Context, backup, path string, layout *Layout, force bool, progress Progress) (Restored, error) {
	path, found, err := target(backup, path, force)
	if err != nil {
		return Restored{}, err
	}
	if found {
		letGo, err := holdFile(path)
		if err != nil {
			return Restored{}, err
		}
		defer letGo()
	}
	content, size, err := OpenCopy(backup)
	if err != nil {
		return Restored{}, err
	}
	defer content.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Restored{}, err
	}
	part, report, err := savePart(ctx, content, size, path, layout, progress)
	if err != nil {
		return Restored{}, fmt.Errorf("the backup %s cannot be restored: %w", backup, err)
	}
	if !report.Sound() {
		return Restored{}, errors.Join(fmt.Errorf("the backup %s has damaged records, and is not restored: take another one; "+
			"`caddy data-api store check %s` lists them", backup, backup), os.Remove(part))
	}
	report.Path = path
	restored := Restored{Report: report}
	if found {
		restored.Aside = fmt.Sprintf("%s.%s", path, time.Now().UTC().Format(asideFormat))
		if err := keepAside(path, restored.Aside); err != nil {
			return Restored{}, errors.Join(err, os.Remove(part))
		}
	}
	if err := take(part, path, found); err != nil {
		return Restored{}, err
	}
	return restored, syncDir(filepath.Dir(path))
}

// target returns where the store is, behind links, and whether there is one.
func target(backup, path string, force bool) (resolved string, found bool, err error) {
	if resolved, err = filepath.Abs(path); err != nil {
		return "", false, err
	}
	info, err := os.Stat(resolved)
	if errors.Is(err, os.ErrNotExist) {
		if link, err := os.Readlink(resolved); err == nil {
			return "", false, fmt.Errorf("%s is a link to %s, which is not there: mount what belongs there, or remove the link", path, link)
		}
		return resolved, false, nil
	}
	if err != nil {
		return "", false, err
	}
	if own, err := os.Stat(backup); err == nil && os.SameFile(own, info) {
		return "", false, fmt.Errorf("%s and %s are the same file", backup, path)
	}
	switch {
	case !info.Mode().IsRegular():
		return "", false, fmt.Errorf("%s is not a regular file: name the file of the store", path)
	case !force:
		return "", false, fmt.Errorf("%s exists: --force keeps it aside, under a name with the date, and puts the backup in its place", path)
	}
	resolved, err = filepath.EvalSymlinks(resolved)
	return resolved, true, err
}

// keepAside gives a store a second name. Where there are no links it is renamed, and has no name for a moment.
func keepAside(path, aside string) error {
	err := os.Link(path, aside)
	if err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	if _, err := os.Lstat(aside); err == nil {
		return fmt.Errorf("%s exists", aside)
	}
	return os.Rename(path, aside)
}
