package job

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// Status says how far a job is. It begins as Processing and changes exactly once.
type Status string

// The states of a job.
const (
	Processing Status = "processing" // waiting, or running
	Completed  Status = "completed"  // it has a result
	Failed     Status = "failed"     // it has an error
	Cancelled  Status = "cancelled"  // somebody ended it
)

// Terminal reports whether a job of this status never changes again.
func (s Status) Terminal() bool { return s != Processing }

// Job is one asynchronous execution. The JSON form is the one that stores keep; what callers see is [WriteDocument].
type Job struct {
	ID ID `json:"id"`

	// Company, User and KeyID say who asked. Company is the caller's, which may differ from the endpoint's.
	Company string `json:"company"`
	User    string `json:"user"`
	KeyID   string `json:"key_id,omitempty"`

	Address     dataapi.Address `json:"address"`                // the endpoint
	Revision    string          `json:"revision,omitempty"`     // of the endpoint when the job was accepted
	PinRevision bool            `json:"pin_revision,omitempty"` // the caller has asked for that revision, and no other will do
	Personal    bool            `json:"personal,omitempty"`     // the rows are User's, since the database is shown who asks
	Source      string          `json:"source,omitempty"`       // of the endpoint when the job was accepted: jobs share the workers by it
	Params      json.RawMessage `json:"params,omitempty"`       // the bound values, canonical
	PollingPath string          `json:"polling_path,omitempty"` // where the caller polls
	CallbackURL string          `json:"callback_url,omitempty"` // empty: nobody is told

	// Traceparent is the span of the request that has asked for the job, and RunTraceparent that of the attempt that it has
	// ended with, as tracing.Traceparent writes them; empty: nobody traced it.
	Traceparent    string `json:"traceparent,omitempty"`
	RunTraceparent string `json:"run_traceparent,omitempty"`

	// Idempotency is the key that the job was asked for with; nil: none, or it was given back.
	Idempotency *Idempotency `json:"idempotency,omitempty"`
	// Attended: the caller waits for the result and is never told of the job. What passes, such as a source that
	// cannot be reached, ends it at once and gives its idempotency key back, so that the caller can ask again.
	Attended bool `json:"attended,omitempty"`

	Status      Status    `json:"status"`
	CreatedAt   time.Time `json:"created_at"`
	StartedAt   time.Time `json:"started_at,omitzero"`   // of the latest attempt; zero: never claimed
	CompletedAt time.Time `json:"completed_at,omitzero"` // when it ended, however it did; zero: not yet
	ExpiresAt   time.Time `json:"expires_at,omitzero"`   // until when it can be read; zero while processing

	// Attempt counts the claims, from 1; 0 is a job that was never claimed. It fences: a worker that writes to a job that is
	// running names the attempt that it was given, and is refused once there is a newer one.
	Attempt int `json:"attempt,omitempty"`
	// Forgiven is how many of the attempts do not count as tries, since an orderly stop ended them, or the source could
	// not be reached.
	Forgiven int `json:"forgiven,omitempty"`
	// NotBefore is when a job that waits for another attempt may be claimed; zero: at once.
	NotBefore time.Time `json:"not_before,omitzero"`
	// LeaseOwner is who runs the job, until LeaseUntil unless extended; empty: nobody.
	LeaseOwner string    `json:"lease_owner,omitempty"`
	LeaseUntil time.Time `json:"lease_until,omitzero"`

	Error  *Error `json:"error,omitempty"` // of a failed job
	Result Result `json:"result,omitzero"` // of a completed job
}

// Running reports whether somebody holds the job's lease.
func (j *Job) Running() bool { return j.Status == Processing && j.LeaseOwner != "" }

// Tries is how many of the job's attempts count towards the most that a job is tried.
func (j *Job) Tries() int { return j.Attempt - j.Forgiven }

// Expired reports whether the job can no longer be read, though a store may still hold it.
func (j *Job) Expired(now time.Time) bool { return j.Status.Terminal() && !now.Before(j.ExpiresAt) }

// Error says why a job failed, in words that are safe to show.
type Error struct {
	Code   dataapi.Code `json:"code"`
	Detail string       `json:"detail"`
}

// Result describes the stored result of a completed job. Its bytes are cut into blocks of BlockSize bytes, the last of
// which may be shorter, and each block is one chunk in the store, a zstd frame of its own.
type Result struct {
	RowCount  int   `json:"row_count"`
	Truncated bool  `json:"truncated,omitempty"`
	Size      int64 `json:"size"` // bytes before compression
	Chunks    int   `json:"chunks"`
	BlockSize int   `json:"block_size"`

	// MaxRows and ExecutedAt are not in these bytes: they are said to a caller who waited for the job.
	MaxRows    int       `json:"max_rows,omitempty"`
	ExecutedAt time.Time `json:"executed_at,omitzero"`

	// Columns are those of the result, when there is something to know of them that the bytes do not tell, for
	// those who write the result in another format.
	Columns []source.Column `json:"columns,omitempty"`
}

// Outcome is how a job ends.
type Outcome struct {
	Status      Status // Completed, Failed or Cancelled
	CompletedAt time.Time
	ExpiresAt   time.Time
	Error       *Error // for Failed
	Result      Result // for Completed
	FreeKey     bool   // gives the job's idempotency key back: the next request with it is a new one

	RunTraceparent string // of the attempt that ends the job; empty: none did, or nobody traced it
}

// overhead is what a job takes in a store whatever it is: its record, its places in the indexes, the announcement of its
// end, and the room that a file of pages leaves between them.
const overhead = 2 << 10

// Footprint is how many bytes a job is taken to need in a store besides its result, from when it is accepted until it is
// removed.
func (j *Job) Footprint() int64 {
	return overhead + int64(len(j.Params)+len(j.CallbackURL)+len(j.PollingPath))
}

// LastTraceparent is the latest span that is known of the job: of the attempt that it has ended with, or of the request that has
// asked for it; empty: nobody traced it.
func (j *Job) LastTraceparent() string { return cmp.Or(j.RunTraceparent, j.Traceparent) }

// Pinned returns the revision that the job's caller has asked for; empty: whichever is the present one when it runs.
func (j *Job) Pinned() string {
	if j.PinRevision {
		return j.Revision
	}
	return ""
}
