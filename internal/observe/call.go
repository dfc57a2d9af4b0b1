package observe

import (
	"context"
	"encoding/json"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Kind says what a record is about.
type Kind uint8

// The kinds of records.
const (
	Request  Kind = iota // a request that was answered with a result, or refused
	Accepted             // a request that became a new job, whether its caller waited for the job or not
	Job                  // a job that has ended
)

// The outcomes besides the codes of package dataapi.
const (
	Success    = "success"
	CallerGone = "CALLER_GONE" // the caller did not wait for the end
	Cancelled  = "cancelled"   // somebody has ended the job: its status
)

// Call is one call of an endpoint as it has ended. A field that is not known is zero: a request that was refused early may have
// no endpoint.
type Call struct {
	Kind Kind

	// Who has called. Company is the caller's, which may differ from the endpoint's.
	Company, User, KeyID, Issuer, Session string

	LinkID string // of the presigned link that was used; its maker is who has called

	// What was called. The endpoint is one of the catalog's, never only what a caller has named.
	Endpoint         dataapi.Address
	Revision, Source string
	JobID            string
	Attempts         int // of a job

	// Outcome is [Success], [CallerGone], [Cancelled] or a code of package dataapi.
	Outcome string
	Err     error // the failure with its cause, for logs; nil: none, or a job's, whose Reason says it
	Reason  string

	Ran   bool // the query was to run, or to be answered from the cache: Rows, Bytes and the times mean something, and may be 0
	Rows  int
	Bytes int64       // of the answer's body before any compression by the server, or of the job's result
	Cache CacheStatus // "": the endpoint's results are not cached

	Began    time.Time     // when the request arrived, or the job's last attempt began
	Duration time.Duration // since then
	Queued   time.Duration // of a job, from its acceptance until Began; further attempts and what lies between them included
	Timing   Timing

	RequestID string // of the request; a job has none
	TraceID   string // of the request's span, or of a job's last attempt; "": it was not traced

	// Query is what was to run; nil: nothing, or a job's, whose request is long gone.
	Query Query
}

// Query is what a call has asked a source. Its methods are costly: an observer that does not need them does not ask. They may be called
// after the call, too.
type Query interface {
	// Redacted writes the values of the parameters as JSON without sensitive ones.
	Redacted() json.RawMessage

	// Explain asks the database how it would run the query, without running it, and returns what it says, without any value. It
	// blocks. The error is errors.ErrUnsupported where nobody can say.
	Explain(ctx context.Context) (plan string, err error)
}

// CacheStatus says where a cached answer comes from.
type CacheStatus string

// The states.
const (
	CacheHit       CacheStatus = "hit"
	CacheStale     CacheStatus = "stale"     // and it is made again meanwhile
	CacheMiss      CacheStatus = "miss"      // and kept
	CacheCollapsed CacheStatus = "collapsed" // it has waited for the same query of another caller
	CacheTooLarge  CacheStatus = "too_large" // made while it was sent
)

// Timing says where the time of a run went. Both are 0 for an answer that comes from the cache.
type Timing struct {
	Waited  time.Duration // for a place at the source
	Queried time.Duration // in the source, with what the reader of the rows has kept it waiting
}

// Observer watches calls. It is safe for concurrent use.
type Observer interface {
	// Observe is called once for each call, by the goroutine that answers it. It must not block, and does not keep the record.
	Observe(ctx context.Context, call *Call)
}

// Observers are several, which are called in their order.
type Observers []Observer

// Observe implements [Observer].
func (o Observers) Observe(ctx context.Context, call *Call) {
	for _, observer := range o {
		observer.Observe(ctx, call)
	}
}

var _ Observer = Observers(nil)
