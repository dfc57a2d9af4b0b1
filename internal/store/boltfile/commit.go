package boltfile

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// maxGroup bounds how many writes share a transaction, so that one commit stays short.
const maxGroup = 4096

// probeInterval is how often a file that could not be opened again is tried.
const probeInterval = time.Second

// Update runs change in a write transaction and returns once it is on disk (after fsync). Writers that come while a
// transaction is being committed share the next one, so that many writers cost one fsync; none waits for others.
//
// change must depend on nothing but tx and what it captures, must set all that it captures again each time, and must not
// call Update or View: it may run more than once, because another's failure may have undone the shared transaction, and
// its last run is the one that counts. Bytes that it gives to Put must not be changed until Update has returned.
//
// An error of change is returned unchanged, undoes what change itself has written, and nothing of others. A change
// that finds, before it has written anything, that it must not be done should say so with [Refuse]: that costs the
// others nothing, while any other error makes the whole group run again without it. A panic of change is an error.
//
// When ctx ends before change has begun, Update returns ctx's error and change never runs. Once it has begun, Update
// waits for the outcome, so that captured variables are not in use any more when it returns.
//
// Every other error is ErrClosed, ErrUnavailable, ErrNotCommitted, each of which means that nothing was written, or
// ErrUnknown, which means that it may have been or not.
func (s *File) Update(ctx context.Context, change func(tx *bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &write{change: change, done: make(chan struct{})}
	if !s.writes.add(w) {
		return ErrClosed
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if s.writes.withdraw(w) {
			return ctx.Err()
		}
		<-w.done
	}
	return w.err
}

// Refuse marks the error of a change that has written nothing. Update returns err itself.
func Refuse(err error) error { return &refusal{err} }

type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }

// write is one call of Update.
type write struct {
	change func(*bbolt.Tx) error
	begun  bool // guarded by queue.mu: it can no longer be withdrawn
	err    error
	done   chan struct{}
}

// run calls change, and reports whether the transaction may go on after it.
func (w *write) run(tx *bbolt.Tx) (ok bool) {
	defer func() {
		if cause := recover(); cause != nil {
			w.err, ok = fmt.Errorf("panic in a write to the store: %w\n%s", &panicError{cause: cause}, debug.Stack()), false
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	w.err = w.change(tx)
	if refused, is := errors.AsType[*refusal](w.err); is {
		w.err = refused.err
		return true
	}
	return w.err == nil
}

// queue holds the writes that wait for the goroutine that commits.
type queue struct {
	mu      sync.Mutex
	waiting []*write
	closed  bool
	wake    chan struct{} // holds a token while writes wait
	ended   chan struct{}
}

func (q *queue) start(commit func([]*write)) {
	q.wake, q.ended = make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(q.ended)
		for range q.wake {
			for group := q.take(); len(group) > 0; group = q.take() {
				commit(group)
			}
		}
	}()
}

// stop refuses further writes and returns when those that wait are done.
func (q *queue) stop() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.wake) // a token that is in it is still received
	}
	q.mu.Unlock()
	<-q.ended
}

func (q *queue) add(w *write) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.waiting = append(q.waiting, w)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

// withdraw reports whether w will never run.
func (q *queue) withdraw(w *write) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.begun {
		return false
	}
	for i, waiting := range q.waiting {
		if waiting == w {
			q.waiting = append(q.waiting[:i:i], q.waiting[i+1:]...)
			break
		}
	}
	return true
}

// take returns the writes that share the next transaction.
func (q *queue) take() []*write {
	q.mu.Lock()
	defer q.mu.Unlock()
	group := q.waiting
	if len(group) > maxGroup {
		q.waiting = group[maxGroup:]
		group = group[:maxGroup:maxGroup]
	} else {
		q.waiting = nil
	}
	for _, w := range group {
		w.begun = true
	}
	return group
}

// commitGroup commits a group in one transaction, and those that fail in it alone, afterwards: a change that failed on
// top of changes that were undone has to be asked again.
func (s *File) commitGroup(group []*write) {
	_ = s.committing.lock(context.Background()) // never ends, hence no error
	defer s.committing.unlock()
	together, alone := s.transact(group)
	for _, w := range alone {
		s.transact([]*write{w})
		close(w.done)
	}
	for _, w := range together {
		close(w.done)
	}
}

// transact runs the writes in one transaction until all of them agree, and commits it. It returns those whose outcome
// is known now, and those that made the others start again.
func (s *File) transact(group []*write) (settled, failed []*write) {
	for len(group) > 0 {
		tx, err := s.begin()
		if err != nil {
			finishGroup(group, err)
			return group, failed
		}
		culprit := slices.IndexFunc(group, func(w *write) bool { return !w.run(tx) })
		if culprit < 0 {
			begun := time.Now()
			err := s.finish(tx)
			s.noteCommit(begun, err)
			if err != nil {
				finishGroup(group, err)
			}
			return group, failed
		}
		s.undo(tx)
		if len(group) == 1 && len(failed) == 0 {
			return group, nil // it was alone: its own error is the answer
		}
		failed = append(failed, group[culprit])
		group = append(group[:culprit:culprit], group[culprit+1:]...)
	}
	return nil, failed
}

// begin begins a transaction that writes.
func (s *File) begin() (tx *bbolt.Tx, err error) {
	if err := s.inPlace(); err != nil {
		return nil, err
	}
	db, err := s.writable()
	if err != nil {
		return nil, err
	}
	if err := s.intactNow(); err != nil {
		return nil, err
	}
	err = guarded(func() (err error) {
		tx, err = db.Begin(true)
		return err
	})
	if errors.Is(err, ErrDamaged) {
		s.ReportDamage(err)
		s.abandon(err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return tx, nil
}

// finish commits a transaction, and returns what its writers are told.
func (s *File) finish(tx *bbolt.Tx) error {
	id := tx.ID()
	done := s.watchCommit()
	err := guarded(func() error { return s.commit(tx) })
	done()
	if err != nil {
		if errors.Is(err, ErrDamaged) {
			s.ReportDamage(err)
		}
		s.undo(tx) // closes what a failed commit may have left open
		return s.readBack(id, err)
	}
	if err := s.inPlace(); err != nil { // it was moved meanwhile, and took with it what was written
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return nil
}

// undo rolls a transaction back, and does nothing to one that is closed.
func (s *File) undo(tx *bbolt.Tx) {
	err := guarded(func() error {
		_ = tx.Rollback() // it can only fail when the transaction is closed already
		return nil
	})
	if err != nil {
		s.abandon(err)
	}
}

// finishGroup gives every write the same outcome, since what a refused one has seen was not committed either.
func finishGroup(group []*write, err error) {
	for _, w := range group {
		w.err = err
	}
}

// writable returns the file, opened again if need be. Only the goroutine that commits calls it, and only that goroutine
// replaces an open file, so that the file stays open until it is done.
func (s *File) writable() (*bbolt.DB, error) {
	for {
		s.mu.RLock()
		db := s.db
		s.mu.RUnlock()
		if db != nil {
			return db, nil
		}
		if err := s.revive(); err != nil {
			return nil, err
		}
	}
}
