package boltfile

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// watchInterval is how often the store looks whether its file is still at its path. Each write looks by itself too.
const watchInterval = 250 * time.Millisecond

// errAway says that the open file is not the one at the store's path: what is written to it nobody would see again.
var errAway = errors.New("the store's file was moved away")

// sameFile reports whether the file at the path is the one that the store has opened. s.mu is held, or nobody else uses
// the store yet.
func (s *File) sameFile() error {
	if s.info == nil {
		return nil // it has not opened any
	}
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %s is not there any more", errAway, s.path)
	case err != nil:
		return fmt.Errorf("%w: %w", errAway, err)
	case !os.SameFile(info, s.info):
		return fmt.Errorf("%w: another file is at %s", errAway, s.path)
	}
	return nil
}

// inPlace is sameFile for those who do not hold s.mu, as an ErrUnavailable. A change of what it finds is logged.
func (s *File) inPlace() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return ErrClosed
	}
	err := s.sameFile()
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	s.tellPlace(err)
	return err
}

// tellPlace logs that the file was moved away, or is back.
func (s *File) tellPlace(err error) {
	var before *error
	if err == nil {
		before = s.away.Swap(nil)
	} else {
		failure := err // so that what is in its place, which each write finds out, allocates nothing
		before = s.away.Swap(&failure)
	}
	switch {
	case err != nil && (before == nil || (*before).Error() != err.Error()):
		s.damages.log.Error("the store's file was moved away, and nothing is written until it is back; what was kept can be "+
			"read still. Move the same file back and the server goes on; a copy or a backup in its place is used after a restart",
			slog.String("file", s.path), slog.String("moved_to", whereabouts(s.file)), slog.Any("error", err))
	case err == nil && before != nil:
		s.damages.log.Info("the store's file is back; the server goes on", slog.String("file", s.path))
	}
}

// whereabouts is where a file is now that was moved away, as far as the system tells. What was removed can be copied from
// there while the process runs.
func whereabouts(file *os.File) string {
	if file == nil {
		return ""
	}
	link := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd())
	target, err := os.Readlink(link)
	if err != nil {
		return "unknown"
	}
	if _, err := os.Stat(target); err != nil || !filepath.IsAbs(target) {
		return "removed; until the server stops its content is in " + link
	}
	return target
}

// watch looks once whether the file is in its place.
func (s *File) watch() { _ = s.inPlace() }

// watcher calls a function again and again until it is stopped.
type watcher struct {
	once  sync.Once
	end   chan struct{}
	ended chan struct{}
}

func (w *watcher) start(look func()) {
	w.end, w.ended = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(w.ended)
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		for {
			select {
			case <-w.end:
				return
			case <-ticker.C:
				look()
			}
		}
	}()
}

func (w *watcher) stop() {
	w.once.Do(func() { close(w.end) })
	<-w.ended
}
