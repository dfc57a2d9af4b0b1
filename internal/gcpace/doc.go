// Package gcpace makes garbage collections less frequent while a server is under load.
//
// A server that answers thousands of short calls a second makes much garbage, of which nothing stays: a few megabytes live.
// Go collects whenever the heap has doubled, which then is ten times a second and more, and a call that meets a collection is
// late: that is most of the 99th percentile. A larger GOGC mends it, for memory that is taken for ever and grows with what
// lives. This package asks for one collection a second instead, with a bound on what that may take, and gives it back
// when the load is over.
//
// The setting is the process's, so that there is one [Pace] for it, which ends with the last configuration. Who sets GOGC, or
// changes the percentage in another way, is obeyed. The memory limit holds all the same (GOMEMLIMIT, which Caddy sets): the
// runtime collects earlier where it is near.
//
// The package knows nothing but the runtime. Start reading at [Pace.Begin].
package gcpace
