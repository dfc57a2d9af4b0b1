// Package fields reads what a request asks for beside its body: media types it accepts, preferences, idempotency keys, entity tags,
// request ids, the query of its URL and the cursors of pages; and it writes the fields that answer them.
//
// It decides nothing about callers, and asks neither catalog nor store.
//
// Start reading at [ParseQuery] and [ParsePreferences].
package fields
