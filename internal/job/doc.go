// Package job runs endpoints asynchronously: it keeps jobs in a [Store], runs them with the [Runtime] of the current
// configuration, and keeps their results.
//
// What it promises: a job that was accepted is on disk; it is run at least once; it ends exactly once, as completed,
// failed or cancelled; its result can be read until it expires; and if it names a callback, its end is announced at
// least once or stored as a visible dead letter (package callback).
//
// It knows neither the catalog nor HTTP nor a database: the runtime does. Start reading at [Engine]; work.go is one job's run,
// and store.go holds the promises that a store has to keep.
package job
