package admission

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Failure is one run that failed. It has no text: a database's words can repeat the values of parameters.
type Failure struct {
	At    time.Time
	Class string // of dataapi.SourceFailures
}

// failures counts the runs of a source that failed. A run that succeeds costs one look.
type failures struct {
	counts [len(dataapi.SourceFailures)]atomic.Uint64
	last   atomic.Pointer[Failure]
	away   atomic.Int64 // since when the source is unavailable, as a Unix time in nanoseconds; 0: it is not
}

// note takes in how a run has ended. Errors of the sink, and of a caller who left, are no errors of the source.
func (f *failures) note(err error) {
	if err == nil {
		if f.away.Load() != 0 {
			f.away.Store(0)
		}
		return
	}
	known, ok := errors.AsType[*dataapi.Error](err)
	if !ok || errors.Is(err, context.Canceled) {
		return
	}
	for i, kind := range dataapi.SourceFailures {
		if kind.Code != known.Code {
			continue
		}
		now := time.Now()
		f.counts[i].Add(1)
		f.last.Store(&Failure{At: now, Class: kind.Class})
		if kind.Code == dataapi.CodeSourceUnavailable {
			f.away.CompareAndSwap(0, now.UnixNano())
		}
	}
}

// Load is how a source fares, as far as it is seen from in front of it.
type Load struct {
	Running, Waiting int // callers inside of the gate, and in front of it; 0 for a source that has none

	// Failures counts the runs that failed, by class, since the source was made. Every class is there.
	Failures map[string]uint64
	Last     Failure // the last of them; zero: none has failed

	UnavailableSince time.Time // since when runs find the source unavailable; zero: the last one did not, or none was made
}

// Load returns the figures of this moment. It takes one short lock.
func (s *Source) Load() Load {
	load := Load{Failures: make(map[string]uint64, len(dataapi.SourceFailures))}
	for i, kind := range dataapi.SourceFailures {
		load.Failures[kind.Class] = s.failures.counts[i].Load()
	}
	if last := s.failures.last.Load(); last != nil {
		load.Last = *last
	}
	if away := s.failures.away.Load(); away != 0 {
		load.UnavailableSince = time.Unix(0, away)
	}
	if s.gate != nil {
		load.Running, load.Waiting = s.gate.Load()
	}
	return load
}
