package server

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/buildinfo"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/wholefile"
)

// rememberDelay is how long a change of what a source accepts waits for others before it is written.
const rememberDelay = 2 * time.Second

// remembered is the file that says what a source accepts, for the next process. Without a path there is none.
type remembered struct {
	accepted *execution.Accepted
	log      *slog.Logger

	mu    sync.Mutex
	path  string
	timer *time.Timer
}

// RememberIn has the source remember in a file what its database accepts, so that the next process need not ask again about every
// statement. It reads what the last one has written. A file that cannot be used is worth a warning, and costs time. Calling it again
// does nothing.
func (s *Source) RememberIn(path string, log *slog.Logger) {
	if s.accepted == nil {
		return
	}
	r := &s.remembered
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path != "" {
		return
	}
	r.path, r.accepted, r.log = path, s.accepted, log
	text, err := os.ReadFile(path)
	if err == nil {
		err = r.accepted.Decode(programVersion(), text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("what the source has accepted before cannot be read, so every statement is asked about", slog.String("file", path), slog.Any("error", err))
	}
}

func programVersion() string {
	info := buildinfo.Read()
	return info.String()
}

// saveLater writes what has changed, a while from now.
func (r *remembered) saveLater() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path != "" && r.timer == nil {
		r.timer = time.AfterFunc(rememberDelay, r.save)
	}
}

// save writes what has changed. What cannot be written is tried again with the next change, and when the source is closed.
func (r *remembered) save() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = nil
	if r.path == "" {
		return
	}
	err := r.accepted.Save(programVersion(), func(text []byte) error { return replaceFile(r.path, text) })
	if err != nil {
		r.log.Warn("what the source accepts cannot be written down for the next start", slog.String("file", r.path), slog.Any("error", err))
	}
}

// replaceFile writes a file that nobody else may read, so that it is there in whole or as before.
func replaceFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return wholefile.Write(path, text, 0o600)
}

// Close writes down what the database accepts, and closes it.
func (s *Source) Close() error {
	s.remembered.save()
	return s.Source.Close()
}
