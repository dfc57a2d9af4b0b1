// Package execution is the one path on which endpoints run, for a caller who waits and for a job alike: it joins an
// endpoint of the catalog with its compiled statement, binds a caller's parameters, and runs the query into an encoder.
//
// It knows neither HTTP nor a database's driver, and does not decide who may run an endpoint. What an error of a database
// says to a caller is decided here: a caller never sees SQL or a driver's words.
//
// Start reading at [Plan], which a request looks at once and keeps; then [Bound], a call with its arguments. [JobRuntime] runs
// the same for jobs, and [Queries] compiles statements once for all plans.
package execution
