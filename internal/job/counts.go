package job

import "context"

// Counts returns how many jobs wait and run in the store, by whatever process. See [Store] for what it costs.
func (e *Engine) Counts(ctx context.Context) (Counts, error) { return e.store.Counts(ctx) }
