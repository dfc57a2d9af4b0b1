// Package usage counts who calls what: for each hour, company, user, API key and endpoint the calls, errors, rows, bytes and
// seconds of the database. It holds callers to their quotas, and sums up what was counted for those who may read it.
//
// A [Counter] counts in memory and writes to a [Store] every [FlushEvery], so that a crash loses less than a minute. It is
// an observer of calls: see package observe. [Quotas] looks at what was counted before a call is made. A [Query] asks for a
// [Report].
//
// It knows neither HTTP nor Caddy nor a store. Start reading at [Counts].
package usage
