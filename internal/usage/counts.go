package usage

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

// Field is one thing that is counted. Stores keep fields by their numbers: one is never renumbered or reused, and new ones
// are added at the end.
type Field int

// The fields. Errors are those of calls and of jobs, by class.
const (
	Calls          Field = iota // requests for an endpoint, however they ended
	Charged                     // of them, those that count against quotas: a query was to run, or a job was accepted
	Rows                        // of answers and of jobs' results
	Bytes                       // of the same, before compression by the server
	DatabaseMicros              // microseconds in the database, and of a job's last run
	CacheHits                   // answers that were kept
	Jobs                        // that have ended

	Invalid  // errors: the request is wrong, or the database refuses a value of it
	Denied   // not authenticated, or not permitted
	NotFound // there is no such endpoint or revision
	TimedOut // the query has exceeded its time limit
	Limited  // a rate or a quota is used up
	Failed   // the server, the database or its connection has failed, or is busy
	Gone     // the caller did not wait for the end, or has cancelled the job

	Fields // how many there are
)

// FieldNames are the names of the fields, as reports and columns of stores have them.
var FieldNames = [Fields]string{
	"calls", "charged", "rows", "bytes", "database_micros", "cache_hits", "jobs",
	"invalid", "denied", "not_found", "timed_out", "limited", "failed", "gone",
}

// Counts are what was counted, by [Field]. None is negative.
type Counts [Fields]int64

// Add adds others.
func (c *Counts) Add(others *Counts) {
	for field, n := range others {
		c[field] += n
	}
}

// Errors is how many calls and jobs did not succeed.
func (c *Counts) Errors() (total int64) {
	for field := Invalid; field < Fields; field++ {
		total += c[field]
	}
	return total
}

// isZero reports whether nothing was counted.
func (c *Counts) isZero() bool { return *c == Counts{} }

// countsOf is what one call adds.
func countsOf(call *observe.Call) (counts Counts) {
	if call.Kind == observe.Job {
		counts[Jobs] = 1
		if call.Ran {
			counts[DatabaseMicros] = call.Duration.Microseconds()
		}
	} else {
		counts[Calls] = 1
		counts[DatabaseMicros] = call.Timing.Queried.Microseconds()
		if Charges(call) {
			counts[Charged] = 1
		}
	}
	if call.Ran {
		counts[Rows], counts[Bytes] = int64(call.Rows), call.Bytes
	}
	if call.Cache == observe.CacheHit || call.Cache == observe.CacheStale {
		counts[CacheHits] = 1
	}
	if call.Outcome != observe.Success {
		counts[classOf(call.Outcome)] = 1
	}
	return counts
}

// Charges reports whether a call counts against quotas of calls.
func Charges(call *observe.Call) bool {
	return call.Kind == observe.Accepted || call.Kind == observe.Request && call.Ran
}

// classOf returns the class of an outcome that is no success. The classes are a closed set, so that a new code of the
// catalogue needs none of its own.
func classOf(outcome string) Field {
	code := dataapi.Code(outcome)
	definition := code.Definition()
	if definition.Code != code { // the caller has gone, or a job was cancelled
		return Gone
	}
	switch status := definition.Status; {
	case status >= http.StatusInternalServerError:
		return Failed
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return Denied
	case status == http.StatusNotFound:
		return NotFound
	case status == http.StatusRequestTimeout:
		return TimedOut
	case status == http.StatusTooManyRequests:
		return Limited
	}
	return Invalid
}
