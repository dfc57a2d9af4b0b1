package catalog

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// maxRetries times Options.Retry is the longest wait between two attempts to ask a source.
const maxRetries = 8

// follow reads the files again after each change, until Close.
func (c *Catalog) follow(watcher *watcher) {
	defer close(c.done)
	defer watcher.close()
	rescan := time.NewTicker(c.options.Rescan)
	defer rescan.Stop()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	var first time.Time // of the changes that are not read yet
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	defer retry.Stop()
	armed, wait := false, c.options.Retry

	for {
		select {
		case <-c.ctx.Done():
			return
		case event, ok := <-watcher.events():
			if !ok {
				return
			}
			if !watcher.concerns(event) {
				continue
			}
			if first.IsZero() {
				first = time.Now()
			}
			// Files that never come to rest are read all the same, after ten times as long.
			quiet.Reset(min(c.options.Debounce, max(0, time.Until(first.Add(10*c.options.Debounce)))))
		case err := <-watcher.errors():
			c.options.Logger.Warn("watching the catalog: changes may have been missed, so it is read anew", "error", err)
			quiet.Reset(c.options.Debounce)
		case <-quiet.C:
			first = time.Time{}
			watcher.sync() // first, so that a change during the reading is noticed
			_ = c.Reload() // its faults are logged, and kept for Faults
		case <-rescan.C:
			watcher.sync()
			_ = c.Reload()
		case <-c.unasked:
			if !armed {
				armed = true
				retry.Reset(wait)
				wait = min(2*wait, maxRetries*c.options.Retry)
			}
		case <-retry.C:
			armed = false
			if len(c.current.Load().down) > 0 {
				_ = c.Reload() // it tells c.unasked when there is still no answer
			}
			if len(c.current.Load().down) == 0 {
				wait = c.options.Retry
			}
		}
	}
}

// watcher watches the directories of a catalog. Where the system refuses that, it watches nothing, and the catalog lives on
// its rescans.
type watcher struct {
	root    string
	logger  *slog.Logger
	notify  *fsnotify.Watcher
	watched map[string]os.FileInfo
	refused bool // logged already
}

func newWatcher(root string, logger *slog.Logger) *watcher {
	w := &watcher{root: filepath.Clean(root), logger: logger, watched: make(map[string]os.FileInfo)}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		w.refuse(err)
		return w
	}
	w.notify = notify
	w.sync()
	return w
}

func (w *watcher) events() <-chan fsnotify.Event {
	if w.notify == nil {
		return nil
	}
	return w.notify.Events
}

func (w *watcher) errors() <-chan error {
	if w.notify == nil {
		return nil
	}
	return w.notify.Errors
}

func (w *watcher) close() {
	if w.notify != nil {
		_ = w.notify.Close()
	}
}

// concerns reports whether an event can change the catalog.
func (w *watcher) concerns(event fsnotify.Event) bool {
	name := filepath.Clean(event.Name)
	if name == w.root {
		return true
	}
	if filepath.Dir(name) == filepath.Dir(w.root) && filepath.Dir(name) != w.root {
		return false // a neighbour of the root
	}
	return !ignored(filepath.Base(name))
}

// sync watches the directories that there are now: the root, companies and namespaces. A directory that was replaced
// under its name is watched anew. While the root is missing, or a symbolic link that can be turned, its parent is
// watched too; not otherwise, since busy files may stand beside the root.
func (w *watcher) sync() {
	if w.notify == nil {
		return
	}
	wanted := make(map[string]os.FileInfo)
	if info, err := os.Lstat(w.root); err != nil || info.Mode()&fs.ModeSymlink != 0 {
		w.want(filepath.Dir(w.root), wanted)
	}
	w.wantTree(w.root, 2, wanted)
	for name, info := range w.watched {
		if now, ok := wanted[name]; !ok || !os.SameFile(info, now) {
			_ = w.notify.Remove(name) // it fails when the directory is gone, and its watch with it
			delete(w.watched, name)
		}
	}
	for name, info := range wanted {
		// A directory that is watched is added again too: its watch may have ended when it was moved away and back.
		if err := w.notify.Add(name); err == nil {
			w.watched[name] = info
		} else if !errors.Is(err, fs.ErrNotExist) {
			w.refuse(err)
		}
	}
}

func (w *watcher) want(directory string, wanted map[string]os.FileInfo) bool {
	info, err := os.Stat(directory)
	if err != nil || !info.IsDir() {
		return false
	}
	wanted[directory] = info
	return true
}

func (w *watcher) wantTree(directory string, below int, wanted map[string]os.FileInfo) {
	if !w.want(directory, wanted) || below == 0 {
		return
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return // the scan reports it
	}
	for _, entry := range entries {
		if !ignored(entry.Name()) && (entry.IsDir() || entry.Type()&fs.ModeSymlink != 0) {
			w.wantTree(filepath.Join(directory, entry.Name()), below-1, wanted)
		}
	}
}

func (w *watcher) refuse(err error) {
	if !w.refused {
		w.refused = true
		w.logger.Warn("the catalog cannot be watched for changes; it is read anew from time to time instead", "error", err)
	}
}
