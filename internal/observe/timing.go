package observe

import (
	"context"
	"time"
)

// Timed is a context under which a run says where its time goes, for a record that holds it: context.WithValue would cost two
// allocations. Timing must not be read before the run has ended.
type Timed struct {
	context.Context //nolint:containedctx // it is a context
	Timing          *Timing
}

// Value implements [context.Context].
func (t *Timed) Value(key any) any {
	if key == (timingKey{}) {
		return t.Timing
	}
	return t.Context.Value(key)
}

// TimingOf returns what a run under this context fills in; nil: nobody wants to know.
func TimingOf(ctx context.Context) *Timing {
	timing, _ := ctx.Value(timingKey{}).(*Timing)
	return timing
}

// Note says where the time of a run went. A nil Timing takes no note.
func (t *Timing) Note(waited, queried time.Duration) {
	if t != nil {
		t.Waited, t.Queried = waited, queried
	}
}

type timingKey struct{}
