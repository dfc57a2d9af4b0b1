// Package tracing makes the spans of calls, jobs and callbacks, and the texts that join them. No other package knows
// OpenTelemetry.
//
// The provider of spans is that of the request's span, since Caddy's tracing handler sets no global one. Where no span of a
// request is sampled, every function here returns at once and allocates nothing. No span holds SQL, unless [WithSQL] asks
// for it, nor the value of a parameter, nor a message of a database. Start reading at [Query] and [Provider].
package tracing
