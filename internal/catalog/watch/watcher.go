package watch

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// Everything is the change that concerns no company alone.
const Everything = ""

// Watcher watches the directories of a catalog, and the symbolic links on the way to it. Where the system refuses that, it
// watches nothing, and the catalog lives on its rescans.
type Watcher struct {
	root    string // absolute
	ignored func(name string) bool
	logger  *slog.Logger
	notify  *fsnotify.Watcher
	add     func(directory string) error // begins a watch; tests let something happen just before it
	watched map[string]os.FileInfo
	names   map[string]bool // outside of the tree, or hidden in it: links, what they lead to, and what is missing on the way
	refused bool            // logged already
}

// New watches a catalog from now on, until [Watcher.Close]. Names of files that are ignored change nothing.
func New(root string, ignored func(name string) bool, logger *slog.Logger) *Watcher {
	w := &Watcher{root: filepath.Clean(root), ignored: ignored, logger: logger, watched: make(map[string]os.FileInfo)}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		w.refuse(err)
		return w
	}
	if w.root, err = filepath.Abs(root); err != nil {
		w.refuse(err)
	}
	w.notify, w.add = notify, notify.Add
	w.Sync()
	return w
}

// Events are what the system notices; see [Watcher.Concerns]. Nil: it notices nothing.
func (w *Watcher) Events() <-chan fsnotify.Event {
	if w.notify == nil {
		return nil
	}
	return w.notify.Events
}

// Errors say that notices may have been lost.
func (w *Watcher) Errors() <-chan error {
	if w.notify == nil {
		return nil
	}
	return w.notify.Errors
}

// Close ends it.
func (w *Watcher) Close() {
	if w.notify != nil {
		_ = w.notify.Close()
	}
}

// Concerns reports whether an event can change the catalog, and of which company: a company's directory itself, and
// whatever is reached through links, concerns everything.
func (w *Watcher) Concerns(event fsnotify.Event) (what string, concerned bool) {
	name := filepath.Clean(event.Name)
	below, inside := strings.CutPrefix(name, w.root+string(filepath.Separator))
	switch {
	case w.names[name], name == w.root:
		return Everything, true
	case !inside:
		return "", false // a neighbour of the root, or of a link
	case w.ignored(filepath.Base(name)):
		// Hidden links are what a volume turns that is updated as a whole.
		info, err := os.Lstat(name)
		return Everything, err == nil && info.Mode()&fs.ModeSymlink != 0
	}
	company, _, deeper := strings.Cut(below, string(filepath.Separator))
	if !deeper {
		return Everything, true
	}
	return company, true
}

// Sync watches the directories that there are now: the root, companies and namespaces, and those that hold the symbolic
// links through which one of them is reached, so that a link which is turned is noticed. A directory that was replaced under its
// name is watched again. While a part of the way is missing, the last directory that there is on it is watched.
func (w *Watcher) Sync() {
	if w.notify == nil {
		return
	}
	// What appears in a directory after the look at it and before its watch begins has no event: after each new watch it is
	// looked at again. The looks are bounded, in case directories are made all the time.
	for range maxLooks {
		if !w.sync() {
			return
		}
	}
}

const maxLooks = 10

// sync looks once, and reports whether a directory began to be watched.
func (w *Watcher) sync() (began bool) {
	wanted := make(map[string]os.FileInfo)
	w.names = make(map[string]bool)
	var links []string
	w.wantTree(w.root, 2, wanted, &links)
	aliases := make(map[string]string)
	for _, path := range append(links, w.root) {
		w.wantWay(path, wanted, aliases)
	}
	for name, info := range w.watched {
		if now, ok := wanted[name]; !ok || !os.SameFile(info, now) {
			_ = w.notify.Remove(name) // it fails when the directory is gone, and its watch with it
			delete(w.watched, name)
		}
	}
	for name, info := range wanted {
		// A directory that is watched is added again too: its watch may have ended when it was moved away and back.
		if err := w.add(name); err == nil {
			began = began || w.watched[name] == nil
			w.watched[name] = info
		} else if !errors.Is(err, fs.ErrNotExist) {
			w.refuse(err)
		}
	}
	return began
}

func (w *Watcher) want(directory string, wanted map[string]os.FileInfo) bool {
	info, err := os.Stat(directory)
	if err != nil || !info.IsDir() {
		return false
	}
	wanted[directory] = info
	return true
}

// wantTree wants a directory and those below it, and collects the links that it meets.
func (w *Watcher) wantTree(directory string, below int, wanted map[string]os.FileInfo, links *[]string) {
	if !w.want(directory, wanted) {
		return
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return // the scan reports it
	}
	for _, entry := range entries {
		if w.ignored(entry.Name()) {
			continue
		}
		path := filepath.Join(directory, entry.Name())
		link := entry.Type()&fs.ModeSymlink != 0
		if link {
			*links = append(*links, path)
		}
		if below > 0 && (entry.IsDir() || link) {
			w.wantTree(path, below-1, wanted, links)
		}
	}
}

// wantWay wants the directories that hold the links on the way to a path, and what the path leads to in the end. Aliases are
// directories that are watched under another name: the system knows each of them once.
func (w *Watcher) wantWay(path string, wanted map[string]os.FileInfo, aliases map[string]string) {
	links, end := wayTo(path)
	for _, name := range append(links, end) {
		directory := filepath.Dir(name)
		if name == end && len(links) == 0 && w.exists(end) {
			continue // no link leads there
		}
		w.names[name] = true
		if alias := aliases[directory]; alias != "" {
			w.names[filepath.Join(alias, filepath.Base(name))] = true
			continue
		}
		if wanted[directory] != nil || !w.want(directory, wanted) {
			continue
		}
		for other, info := range wanted {
			if other != directory && os.SameFile(info, wanted[directory]) {
				delete(wanted, directory)
				aliases[directory] = other
				w.names[filepath.Join(other, filepath.Base(name))] = true
				break
			}
		}
	}
}

func (w *Watcher) exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// maxLinks is the most links on one way, as the system has it.
const maxLinks = 40

// wayTo returns the symbolic links on the way to an absolute path, and where it leads: the file or directory itself, or the
// first part of the way that is missing.
func wayTo(path string) (links []string, end string) {
	separator := string(filepath.Separator)
	at := filepath.VolumeName(path) + separator
	rest := strings.Split(strings.TrimPrefix(path, at), separator)
	for len(rest) > 0 && len(links) <= maxLinks {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(next)
		if err != nil {
			return links, next
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		links = append(links, next)
		target, err := os.Readlink(next)
		if err != nil {
			return links, next
		}
		if filepath.IsAbs(target) {
			at = filepath.VolumeName(target) + separator
			target = strings.TrimPrefix(target, at)
		}
		rest = append(strings.Split(target, separator), rest...)
	}
	return links, at
}

func (w *Watcher) refuse(err error) {
	if !w.refused {
		w.refused = true
		w.logger.Warn("the catalog cannot be watched for changes; it is read again from time to time instead", "error", err)
	}
}
