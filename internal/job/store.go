package job

import (
	"context"
	"errors"
	"time"
)

// Errors that a [Store] returns, to be tested with errors.Is.
var (
	// ErrNotFound says that there is no such job, or no such chunk.
	ErrNotFound = errors.New("job not found")

	// ErrExists says that a job of this ID is stored already.
	ErrExists = errors.New("a job with this id exists")

	// ErrQueueFull says that the company has as many jobs waiting as it may.
	ErrQueueFull = errors.New("too many jobs of this company are waiting")

	// ErrQuotaExceeded says that the company keeps as many bytes of jobs and results as it may.
	ErrQuotaExceeded = errors.New("the jobs and results of this company take as much room as they may")

	// ErrLost says that the job is not processing with this attempt any more: it has ended, or it was given to another
	// worker after its lease had run out. The worker must stop working on the job and must not write to it again.
	ErrLost = errors.New("the job has ended or was given to another worker")

	// ErrMissingChunk says that a result's chunks are not all there, or would not be.
	ErrMissingChunk = errors.New("the chunks before this one are not stored")
)

// Limits of what a store takes.
const (
	// MaxChunk is the longest chunk in bytes.
	MaxChunk = 1 << 20

	// MaxChunks is the most chunks of one result.
	MaxChunks = 1 << 30
)

// Unfinished is a job that is processing, and who asked for it.
type Unfinished struct {
	ID                   ID
	Company, User, KeyID string
	Source               string
	CreatedAt            time.Time
}

// Counts says how many jobs are processing.
type Counts struct {
	Waiting int // to be claimed, those included that wait for a further attempt
	Running int // somebody holds their lease

	// Oldest is when the job was accepted that has been among Waiting for longest; zero: none waits. Of each company's jobs
	// on one source it is the first in line that counts, so that it need not be the minimum where a clock was set back.
	Oldest time.Time
}

// Store keeps jobs and their results. It is safe for concurrent use, by several processes if it can be shared.
//
// It carries what docs/jobs.md promises to callers: a job that Accept has taken is on disk; it is executed at least
// once; it makes exactly one terminal transition, which also stores the announcement of its end; and its result can be
// read until ExpiresAt.
//
// Everything that a method has written is durable when it returns nil, and one method's writes are one transaction: all
// of them or none. Methods block while they do so, and return ctx's error when ctx ends before they begin to write. Any
// error but this package's and ctx's is the store's own failure: then it is unknown whether the
// write was done, and the caller must neither report success nor rely on the contrary. Every write can be repeated.
//
// Records are copied in and out: the caller keeps what it passes and owns what it gets. Times keep their instant to the
// nanosecond and come back in UTC.
//
// All writes to a job after Accept are compare-and-set: they name the attempt that the writer believes to be current,
// and get ErrLost, with nothing written, when the job is not processing with exactly that attempt. A job that does not
// exist gives ErrNotFound.
type Store interface {
	// Accept stores a new job, which waits from then on: Status must be Processing and Attempt 0. It returns ErrExists,
	// changing nothing, when the ID is taken. When the company has used up its quota it returns ErrQueueFull or
	// ErrQuotaExceeded.
	//
	// A job with an Idempotency binds its key, of j.Company and j.Address, in the same transaction. When the key is bound
	// to another job until after j.CreatedAt, nothing is stored: with the same digest it returns a *RepeatedError, which
	// holds that job, else ErrKeyReused. The key comes before the other reasons to refuse. A key is bound until its Until,
	// and at least as long as nobody else takes it: Sweep removes it with its job.
	Accept(ctx context.Context, j Job, quota Quota) error

	// Claim gives as many waiting jobs to owner as there is capacity for, with a lease until the given time. Each of them has
	// its Attempt raised by one, StartedAt set to now, and NotBefore cleared. A job is claimable when it waits and
	// NotBefore is not after now, or when its lease ended at or before now. No job is given to two callers with the same
	// attempt. An attempt that capacity.Held names is not given away: when its lease has ended, that is extended.
	//
	// The order is fair among sources and companies. The next job is one of the source of which the fewest run. Of one
	// source's jobs that wait, each company's are taken in the order in which they were accepted, further attempts
	// included, and a company that has n of them waiting delays another's first by no more than two. A source or company
	// without capacity is passed over, and its jobs keep their places.
	//
	// When it returns no job, next is when one may become claimable by the passing of time alone; zero: never.
	// It returns without error, writes nothing and is cheap when there is nothing to claim, or no capacity for it.
	Claim(ctx context.Context, owner string, now, until time.Time, capacity Capacity) (jobs []Job, next time.Time, err error)

	// Extend sets the end of the lease of a running job. A job that is not running, though it is processing with this
	// attempt, gives ErrLost. Once the lease has ended, this and the other writes to a running job may give ErrLost before
	// anybody else has claimed it.
	Extend(ctx context.Context, id ID, attempt int, until time.Time) error

	// Release ends the lease of a running job, which can be claimed again from notBefore on. With forgive the attempt
	// does not count as a try. A job that is not running, though it is processing with this attempt, gives ErrLost.
	Release(ctx context.Context, id ID, attempt int, notBefore time.Time, forgive bool) error

	// AppendChunks stores chunks of the result of a running job, the first of which gets the index first; indexes count
	// from 0. It is idempotent: chunks that are there already are replaced. When first is above the number of chunks
	// that this attempt has stored it returns ErrMissingChunk. An empty chunk, or one longer than MaxChunk, is an error.
	// Chunks of an attempt that does not complete the job are never read, and are removed by Sweep.
	AppendChunks(ctx context.Context, id ID, attempt int, first int, chunks [][]byte) error

	// Finish ends a job that is processing with this attempt, whether it runs or waits. If the job names a callback, a
	// delivery that is due at once is stored in the same transaction (package callback). A completed job must have
	// stored exactly outcome.Result.Chunks chunks with this attempt, else it gets ErrMissingChunk. An attempt has one worker,
	// which does not complete the job while it still stores a chunk: what Finish and AppendChunks make of each other when they
	// overlap is not defined.
	// Finish is idempotent: repeating it with the same attempt and status returns nil and changes nothing. It reports
	// whether this call has ended the job, so that an end is announced once.
	Finish(ctx context.Context, id ID, attempt int, outcome Outcome) (changed bool, err error)

	// Get returns a job, expired ones included until Sweep has removed them.
	Get(ctx context.Context, id ID) (Job, error)

	// List returns jobs of a company that match the filter, newest first by CreatedAt, those of one instant by descending
	// ID, expired ones included until Sweep has removed them. It holds no transaction for long and looks at a bounded number
	// of jobs: next is where to go on, and zero when there is nothing further. filter.Limit must lie between 1 and MaxList.
	List(ctx context.Context, company string, filter Filter) (jobs []Job, next Cursor, err error)

	// ListAll returns jobs of all companies that match the filter, newest first by ID, for operators: IDs begin with the second
	// in which they were made. Of filter.After only the ID counts. Otherwise it is List, but that each job is looked at
	// that the filter leaves out.
	ListAll(ctx context.Context, filter Filter) (jobs []Job, next Cursor, err error)

	// Unfinished returns who asked for each job that is processing, waiting and running ones, in no order. What it costs
	// depends on their number and not on that of all jobs. It holds no transaction for long: a job that begins or ends
	// meanwhile may be among them or not.
	Unfinished(ctx context.Context) ([]Unfinished, error)

	// Counts returns how many jobs wait and run. It is asked every few seconds: what it costs depends on the number of sources
	// and companies that have jobs waiting, and on how many jobs run or wait for a further attempt, and not on how many wait
	// in line or have ended. It holds no transaction for long: a job that begins or ends meanwhile may count or not.
	Counts(ctx context.Context) (Counts, error)

	// ReadChunk appends a chunk of a completed job's result to buffer and returns it, or ErrNotFound. It holds no
	// transaction and no lock when it returns.
	ReadChunk(ctx context.Context, id ID, n int, buffer []byte) ([]byte, error)

	// Sweep removes at most limit jobs that expired at or before now, and at most limit chunks of those and of attempts
	// that came to nothing, in one short transaction. It reports whether there may be more to remove. A job stays while
	// its delivery is pending, and while it is a dead letter that can still be replayed (package callback).
	Sweep(ctx context.Context, now time.Time, limit int) (more bool, err error)

	// Recover makes jobs claimable at once, whose owner can be known to be gone, and returns how many these are. Owner
	// is the caller's own name. A store that only one process can hold knows that every other owner is gone; a shared
	// one waits for their leases to end and returns 0. With the others, it makes those claimable that wait for a further
	// attempt: the clock of the process that has set their NotBefore may have been wrong.
	Recover(ctx context.Context, owner string) (int, error)
}

// SharedStore is a Store that several processes use at once.
type SharedStore interface {
	Store

	// Ended returns those of the jobs that are not processing: they have ended, or there are none of these IDs. What it costs
	// depends on how many it is asked of.
	Ended(ctx context.Context, ids []ID) (ended []ID, err error)

	// Hear calls ended with jobs that another process may have ended just now, and nil when any may have ended; and freed when
	// another process has given jobs back, which can be claimed at once. It calls them from one goroutine, until ctx ends. These
	// are hints that spare time: they may be wrong, and none is promised.
	Hear(ctx context.Context, ended func(ids []ID), freed func())
}

// Quota is what one company may have in a store when it asks for a job more. Zero values allow anything.
type Quota struct {
	Waiting int   // jobs that wait to be claimed, this one included
	Kept    int64 // bytes of jobs that have not been removed yet: the [Job.Footprint] of each, and the Size of its [Result]
}

// Capacity is how many jobs may be claimed.
type Capacity struct {
	Jobs int // in all, at least 1
	// PerCompany is how many may be claimed of one company, those included that Running and Waiting count, and in a store
	// that servers share, those that other owners run. 0: any number.
	PerCompany int
	Running    map[string]int // how many of each company run already
	Waiting    map[Line]int   // how many of each company were claimed and wait for their source; they count there alone

	PerSource int                       // of one source, those included that run already; 0: any number
	Sources   map[string]SourceCapacity // of the sources that are busy
	Held      map[ID]int                // the attempts that the caller runs itself
}

// Full reports whether no job of a line may be claimed any more, after so many of its source and of its company that are not in the
// capacity yet.
func (c *Capacity) Full(line Line, ofSource, ofCompany int) bool {
	source := c.Sources[line.Source]
	return source.Most != 0 && ofSource >= source.Most-source.Running-source.Waiting ||
		c.PerSource > 0 && source.Running+ofSource >= c.PerSource ||
		c.PerCompany > 0 && c.Running[line.Company]+c.Waiting[line]+ofCompany >= c.PerCompany
}

// Line is where the jobs of one company on one source wait.
type Line struct{ Source, Company string }

// SourceCapacity says how many jobs of one source there may be.
type SourceCapacity struct {
	Running int // jobs that run already
	Waiting int // jobs that were claimed and wait for a place at the source
	Most    int // how many may run and wait together; 0: any number; below 0: none
}
