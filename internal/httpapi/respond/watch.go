package respond

import (
	"log/slog"
	"sync"
	"time"
)

// watch ends answers whose readers take nothing. It looks at all of them now and then, which costs a write no more than the
// note of when it has begun. Its goroutine runs while there is something to watch.
type watch struct {
	stall, blind time.Duration

	mu      sync.Mutex
	first   *Answer
	running bool
}

// tick is how often the watch looks.
func (w *watch) tick() time.Duration { return min(w.stall/8, time.Second) }

func (w *watch) add(a *Answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a.watched.listed = true
	a.watched.after = w.first
	if w.first != nil {
		w.first.watched.before = a
	}
	w.first = a
	if !w.running {
		w.running = true
		go w.run()
	}
}

func (w *watch) remove(a *Answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !a.watched.listed {
		return
	}
	before, after := a.watched.before, a.watched.after
	if before != nil {
		before.watched.after = after
	} else {
		w.first = after
	}
	if after != nil {
		after.watched.before = before
	}
	a.watched.before, a.watched.after, a.watched.listed = nil, nil, false
}

func (w *watch) run() {
	ticker := time.NewTicker(w.tick())
	defer ticker.Stop()
	var late []*Answer
	for now := range ticker.C {
		w.mu.Lock()
		if w.first == nil {
			w.running = false
			w.mu.Unlock()
			return
		}
		late = late[:0]
		for a := w.first; a != nil; a = a.watched.after {
			if a.late(now, w.tick()) {
				late = append(late, a)
			}
		}
		w.mu.Unlock()
		for i, a := range late {
			a.giveUpUnlessTaken(now)
			late[i] = nil
		}
	}
}

// late reports whether a write has gone on for so long that one should look after it.
func (a *Answer) late(now time.Time, long time.Duration) bool {
	begun := a.watched.writing.Load()
	return begun != 0 && now.UnixNano()-begun >= int64(long)
}

// giveUpUnlessTaken ends the answer when its reader has taken nothing for too long, or the time for all of it is over.
func (a *Answer) giveUpUnlessTaken(now time.Time) {
	a.watched.mu.Lock()
	defer a.watched.mu.Unlock()
	begun := a.watched.writing.Load()
	if a.watched.finished || begun == 0 {
		return
	}
	since, patience := time.Unix(0, begun), a.by.watch.blind
	moved, known := a.watched.progress.of(connOf(a.request), since, now)
	until := a.watched.until.Load()
	switch {
	case until != 0 && now.UnixNano() > until:
		since = time.Time{}
	case a.request.ProtoMajor > 1:
		patience = a.by.watch.stall // for one piece
	case known:
		since, patience = moved, a.by.watch.stall
		_ = a.watched.server.SetWriteDeadline(since.Add(patience))
	}
	switch {
	case now.Sub(since) < patience:
	case a.watched.reset && known && now.Sub(moved) >= 2*patience:
		// The connection of the stream takes nothing either, and so cannot even be told of the reset.
		a.by.log.Info("a connection is closed whose reader takes nothing", slog.String("remote", a.request.RemoteAddr))
		_ = connOf(a.request).Close()
	default: // again each time: the handler may just have set another deadline, for its next piece
		a.watched.reset = true
		_ = a.watched.server.SetWriteDeadline(longAgo)
	}
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)
