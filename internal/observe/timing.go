package observe

import (
	"context"
	"time"
)

// WithTiming returns a context under which a run says where its time goes. Timing must not be read before the run has ended.
func WithTiming(ctx context.Context, timing *Timing) context.Context {
	return timed{ctx, timing}
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

// timed is a context with one value. It costs one allocation where context.WithValue costs two.
type timed struct {
	context.Context //nolint:containedctx // it is a context
	timing          *Timing
}

// Value implements [context.Context].
func (t timed) Value(key any) any {
	if key == (timingKey{}) {
		return t.timing
	}
	return t.Context.Value(key)
}
