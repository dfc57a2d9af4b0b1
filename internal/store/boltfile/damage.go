package boltfile

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// guarded runs access, which reads the mapped file, and makes an error of a panic of bbolt and of a page that cannot be
// read: the file may have been cut short or damaged since it was opened, and either would end the process.
func guarded(access func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicError{cause, debug.Stack()}
		}
	}()
	return access()
}

// panicError is a panic of bbolt, or of what runs in its transactions.
type panicError struct {
	cause any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("%v: its pages cannot be read: %v", ErrDamaged, e.cause)
}

func (e *panicError) Is(target error) bool { return target == ErrDamaged }

// damageLog remembers which damages were logged, since a poller would repeat them without end.
type damageLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	told map[string]bool
}

const maxTold = 10_000

func (d *damageLog) once(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told[text] || len(d.told) >= maxTold {
		return false
	}
	if d.told == nil {
		d.told = make(map[string]bool)
	}
	d.told[text] = true
	return true
}

// ReportDamage logs that something could not be read which others can do without. It returns at once.
func (s *File) ReportDamage(err error) {
	if err == nil || !s.damages.once(err.Error()) {
		return
	}
	attributes := []any{slog.String("file", s.path), slog.Any("error", err)}
	if panicked, ok := errors.AsType[*panicError](err); ok {
		attributes = append(attributes, slog.String("stack", string(panicked.stack)))
	}
	s.damages.log.Error("the store is damaged; what is sound goes on. Restore a backup if the record matters, "+
		"and look at the disk and the memory of this machine", attributes...)
}
