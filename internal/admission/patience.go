package admission

import (
	"context"
	"time"
)

// Patience is how a caller waits for a place that can wait for longer than others, such as a job.
type Patience struct {
	// MaxWait is how long it waits at most, in place of [Options.MaxWait]. It does not count towards the numbers of callers
	// that may wait: the code that gives patience bounds how many have it.
	MaxWait time.Duration

	// Wait is called when the caller has to wait, and what it returns when the wait is over, with a place or without. It
	// must not block.
	Wait func() (over func())
}

type patienceKey struct{}

// WithPatience returns a context whose holder waits so for a place. A gate looks for it only when there is none free.
func WithPatience(ctx context.Context, patience Patience) context.Context {
	return context.WithValue(ctx, patienceKey{}, patience)
}

func patienceOf(ctx context.Context) (Patience, bool) {
	patience, ok := ctx.Value(patienceKey{}).(Patience)
	return patience, ok
}
