// Package signal is how servers that share the store in PostgreSQL hear of each other: what others have changed, who is alive, and
// the signals (NOTIFY) that spare them asking for it.
//
// It does not know what a change means to its server, and knows jobs by their IDs alone.
//
// Start reading in signals.go, which says what a signal is, and changes.go, which says how nothing is missed.
package signal
