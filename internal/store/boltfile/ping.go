package boltfile

import (
	"context"
	"time"

	"go.etcd.io/bbolt"
)

// pingFor is how long a commit shows that the store can write.
const pingFor = 5 * time.Second

// noteCommit remembers a commit, and tells of it.
func (s *File) noteCommit(begun time.Time, err error) {
	if err == nil {
		s.wrote.Store(time.Now().UnixNano())
	} else {
		s.wrote.Store(0)
	}
	s.committed(time.Since(begun), err)
}

// Ping reports whether the store can write: it commits a transaction that changes nothing, unless another commit has succeeded
// within the last 5 s. It blocks as any write does. When ctx ends first, the error is ctx's.
func (s *File) Ping(ctx context.Context) error {
	if time.Since(time.Unix(0, s.wrote.Load())) < pingFor {
		return s.inPlace()
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Update(ctx, func(*bbolt.Tx) error { return nil }) }() // once it has begun, it outlives ctx
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Size returns the size of the file in bytes.
func (s *File) Size(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.closed:
		return 0, ErrClosed
	case s.file == nil: // it cannot be opened for the moment
		return fileSize(s.path)
	}
	info, err := s.file.Stat() // and not at the path, where another file may be
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
