// Package claim runs work that waits in a store: a loop claims what is due as long as there is capacity, and runs each piece in
// a goroutine of its own, until it is stopped.
//
// It is generic and imports nothing of ours. It does not know what the work is: packages job and callback bring a [Func] that
// claims, and say how many pieces may run at once.
//
// Start reading at [Loop].
package claim
