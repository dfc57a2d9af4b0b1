package catalog

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// maxRetries times Options.Retry is the longest wait between two attempts to ask a source.
const maxRetries = 8

// everything is the change that concerns no company alone.
const everything = ""

// follow reads the files again after each change, until Close.
func (c *Catalog) follow(watcher *watcher) {
	defer watcher.close()
	rescan := time.NewTicker(c.options.Rescan)
	defer rescan.Stop()
	quiet := quietTimes{wait: c.options.Debounce, due: make(chan string), done: c.ctx.Done(), since: make(map[string]change)}
	defer quiet.stop()
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
			if what, concerned := watcher.concerns(event); concerned {
				quiet.begin(what)
			}
		case err := <-watcher.errors():
			c.options.Logger.Warn("watching the catalog: changes may have been missed, so it is read anew", "error", err)
			quiet.begin(everything)
		case what := <-quiet.due:
			quiet.end(what)
			watcher.sync() // first, so that a change during the reading is noticed
			c.readAgain(what)
		case <-rescan.C:
			watcher.sync()
			c.readAgain(everything)
		case <-c.unasked:
			if !armed {
				armed = true
				retry.Reset(wait)
				wait = min(2*wait, maxRetries*c.options.Retry)
			}
		case <-retry.C:
			armed = false
			var companies []string
			c.look(func(g *ground) { companies = g.unanswered() })
			for _, slug := range companies {
				c.request(slug) // it tells c.unasked when there is still no answer
			}
			if len(companies) == 0 {
				wait = c.options.Retry
			}
		}
	}
}

// readAgain has a company read, or everything, and does not wait for it. Mistakes are logged, and kept for Diagnostics.
func (c *Catalog) readAgain(what string) {
	if what != everything {
		c.request(what)
		return
	}
	for _, slug := range c.list() {
		c.request(slug)
	}
}

// quietTimes wait for each company until its files are quiet, so that one whose files never are holds up no other. Files
// that never come to rest are read all the same, after ten times as long.
type quietTimes struct {
	wait  time.Duration
	due   chan string // receives what has become quiet
	done  <-chan struct{}
	since map[string]change
}

type change struct {
	first time.Time
	timer *time.Timer
}

// begin notes a change.
func (q *quietTimes) begin(what string) {
	now := time.Now()
	waiting, ok := q.since[what]
	if ok {
		waiting.timer.Reset(min(q.wait, max(0, time.Until(waiting.first.Add(10*q.wait)))))
		return
	}
	q.since[what] = change{now, time.AfterFunc(q.wait, func() {
		select {
		case q.due <- what:
		case <-q.done:
		}
	})}
}

func (q *quietTimes) end(what string) { delete(q.since, what) }

func (q *quietTimes) stop() {
	for _, waiting := range q.since {
		waiting.timer.Stop()
	}
}

// watcher watches the directories of a catalog, and the symbolic links on the way to it. Where the system refuses that, it
// watches nothing, and the catalog lives on its rescans.
type watcher struct {
	root    string // absolute
	logger  *slog.Logger
	notify  *fsnotify.Watcher
	watched map[string]os.FileInfo
	names   map[string]bool // outside of the tree, or hidden in it: links, what they lead to, and what is missing on the way
	refused bool            // logged already
}

func newWatcher(root string, logger *slog.Logger) *watcher {
	w := &watcher{root: filepath.Clean(root), logger: logger, watched: make(map[string]os.FileInfo)}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		w.refuse(err)
		return w
	}
	if w.root, err = filepath.Abs(root); err != nil {
		w.refuse(err)
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

// concerns reports whether an event can change the catalog, and of which company: a company's directory itself, and
// whatever is reached through links, concerns everything.
func (w *watcher) concerns(event fsnotify.Event) (what string, concerned bool) {
	name := filepath.Clean(event.Name)
	below, inside := strings.CutPrefix(name, w.root+string(filepath.Separator))
	switch {
	case w.names[name], name == w.root:
		return everything, true
	case !inside:
		return "", false // a neighbour of the root, or of a link
	case ignored(filepath.Base(name)):
		// Hidden links are what a volume turns that is updated as a whole.
		info, err := os.Lstat(name)
		return everything, err == nil && info.Mode()&fs.ModeSymlink != 0
	}
	company, _, deeper := strings.Cut(below, string(filepath.Separator))
	if !deeper {
		return everything, true
	}
	return company, true
}

// sync watches the directories that there are now: the root, companies and namespaces, and those that hold the symbolic
// links through which one of them is reached, so that a link which is turned is noticed. A directory that was replaced under its
// name is watched anew. While a part of the way is missing, the last directory that there is on it is watched.
func (w *watcher) sync() {
	if w.notify == nil {
		return
	}
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

// wantTree wants a directory and those below it, and collects the links that it meets.
func (w *watcher) wantTree(directory string, below int, wanted map[string]os.FileInfo, links *[]string) {
	if !w.want(directory, wanted) {
		return
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return // the scan reports it
	}
	for _, entry := range entries {
		if ignored(entry.Name()) {
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
func (w *watcher) wantWay(path string, wanted map[string]os.FileInfo, aliases map[string]string) {
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

func (w *watcher) exists(path string) bool {
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

func (w *watcher) refuse(err error) {
	if !w.refused {
		w.refused = true
		w.logger.Warn("the catalog cannot be watched for changes; it is read anew from time to time instead", "error", err)
	}
}
