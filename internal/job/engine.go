package job

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/solucao42/caddy-data-api/internal/attach"
	"github.com/solucao42/caddy-data-api/internal/claim"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// Runtime is what a configuration knows about running jobs. It is safe for concurrent use.
type Runtime interface {
	// Authorize reports whether the job may run still: its user may have lost the permission, or the endpoint may be gone,
	// since the job was accepted. It is asked when an attempt begins; its error, of package dataapi, is the job's.
	Authorize(ctx context.Context, j Job) error

	// Run executes the job's endpoint and writes the result's JSON to w, all of it before it returns. An error of w is
	// returned, possibly wrapped. When ctx ends the query is cancelled inside the database before Run returns. An error
	// of package dataapi becomes the job's error, any other one INTERNAL_ERROR. One whose code is Passing makes the engine
	// try again, as often as it tries a job. CodeSourceUnavailable, after which nothing has run, and CodeOverloaded do not
	// count as a try.
	//
	// Run calls WaitForSource around a wait for a place at the source, and SourceAnswers when rows begin to come.
	Run(ctx context.Context, j Job, w io.Writer) (result.Summary, error)

	// TimeLimit is how long the job may run, and also how long it waits for a source that cannot be reached. Zero: that
	// is not known, since its endpoint is gone. It must not block.
	TimeLimit(j Job) time.Duration
}

// Options belong to an engine for good. Zero values mean the defaults.
type Options struct {
	Lease       time.Duration // how long a worker may be silent before its job is given to another; default 30 s
	MaxAttempts int           // how often a job is tried, crashes included; default 3
	Backoff     time.Duration // before the second attempt, doubled for each further one; default 2 s
	SweepEvery  time.Duration // how often expired jobs are removed; default 1 min
	Owner       string        // names this process among those that share the store; default: random, one per process
	Logger      *slog.Logger  // default slog.Default()
	Now         func() time.Time
	Traces      *tracing.Provider // makes the spans of attempts; default: none are made
	Ended       func(ended Job)   // called, from any goroutine, after the end of a job was stored; must not block
}

// processOwner is one for all engines of this process, so that none takes the jobs of another for a dead process's.
var processOwner = rand.Text()

func (o *Options) setDefaults() {
	if o.Lease <= 0 {
		o.Lease = 30 * time.Second
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = 3
	}
	if o.Backoff <= 0 {
		o.Backoff = 2 * time.Second
	}
	if o.SweepEvery <= 0 {
		o.SweepEvery = time.Minute
	}
	if o.Owner == "" {
		o.Owner = processOwner
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ended == nil {
		o.Ended = func(Job) {}
	}
}

// attached is a configuration's runtime and settings; the newest one on the stack is in force.
type attached struct {
	runtime  Runtime
	settings Settings
}

// Attachment is a configuration's hold on an engine: see [Engine.Attach].
type Attachment = attach.Attachment[attached]

// Engine accepts jobs and runs them. It lives as long as its store, across reloads of the configuration, and is safe
// for concurrent use.
type Engine struct {
	store   Store
	options Options
	log     *slog.Logger
	stack   attach.Stack[attached]
	waiters waiters
	runs    runs
	sources *sources
	steady  func() time.Time // decides about leases and delays; see [claim.Steady]
	loop    *claim.Loop
	watch   watch
}

// NewEngine makes an engine that uses store and does not own it. It runs nothing before Start.
func NewEngine(store Store, options Options) *Engine {
	options.setDefaults()
	e := &Engine{store: store, options: options, log: options.Logger, steady: claim.Steady(options.Now)}
	e.sources = newSources(options.Backoff, e.steady)
	e.loop = claim.New(e.claim, claim.Options{What: "jobs", Logger: options.Logger, Now: e.steady})
	return e
}

// Attach makes runtime the one that jobs begin with from now on. Jobs that run go on with the one that they began with.
// The caller calls Detach on what it returns when its configuration ends, and may close what the runtime uses once Done
// is closed. As long as nothing is attached no job begins.
func (e *Engine) Attach(runtime Runtime, settings Settings) *Attachment {
	settings.setDefaults()
	attachment := e.stack.Attach(attached{runtime, settings})
	e.loop.Wake()
	return attachment
}

// Start makes the jobs claimable that an earlier process has left unfinished, and begins to run jobs. It fails with the
// store's error, and may then be called again. Starting a started engine does nothing; a stopped one gives
// [claim.ErrStopped].
func (e *Engine) Start(ctx context.Context) error {
	return e.loop.Start(ctx, e.recover, e.sweepLoop, e.expireLoop)
}

func (e *Engine) recover(ctx context.Context) error {
	n, err := e.store.Recover(ctx, e.options.Owner)
	if n > 0 && err == nil {
		e.log.Info("jobs that an earlier process left unfinished will run again", "jobs", n)
	}
	if err == nil {
		e.watch.begin(ctx, e.watchLoop, e.hearLoop)
	}
	return err
}

// Stop stops claiming and waits for the jobs that run. When ctx ends first, they are cancelled and given back, which does
// not count as an attempt, and Stop returns ctx's error once they have let go, or after 10 s more. What is attached stays
// so. Jobs can still be accepted and read. Stopping an engine that is not started, or again, returns nil at once.
func (e *Engine) Stop(ctx context.Context) error {
	err := e.loop.Stop(ctx)
	e.watch.end() // jobs that run are cancelled from elsewhere until they have ended
	return err
}

// Request is what an endpoint is asked to do.
type Request struct {
	Company, User, KeyID string // who asks
	Address              dataapi.Address
	Source               string // of the endpoint
	Revision             string
	PinRevision          bool            // the job is of this revision or fails
	Personal             bool            // the rows are the user's alone
	Params               []byte          // one JSON value: the bound parameters
	PollingPath          func(ID) string // where the job can be polled; nil: nowhere
	CallbackURL          string          // checked by callback.CheckURL; empty: none
	Attended             bool            // the caller waits for the result and is never told of the job: see [Job]
	Traceparent          string          // of the request; empty: nobody traces it
}

// Accept stores a job, which is on disk when it returns, and wakes a worker. Errors: ctx's; CodeQuotaExceeded when the
// company's jobs and results take too much room; CodeOverloaded when too many of its jobs wait, or when the store cannot write
// (then it may be unknown whether the job was stored: it may still run, though nobody will be told its id). Jobs are
// accepted whether or not the engine runs.
func (e *Engine) Accept(ctx context.Context, request Request) (Job, error) {
	j := e.newJob(request)
	return e.accepted(ctx, j, e.store.Accept(ctx, j, e.quota()))
}

func (e *Engine) newJob(request Request) Job {
	now := e.options.Now().UTC()
	j := Job{
		ID: NewID(now), Company: request.Company, User: request.User, KeyID: request.KeyID,
		Address: request.Address, Revision: request.Revision, PinRevision: request.PinRevision,
		Personal: request.Personal, Params: request.Params, Source: request.Source, Attended: request.Attended,
		CallbackURL: request.CallbackURL, Traceparent: request.Traceparent, Status: Processing, CreatedAt: now,
	}
	if request.PollingPath != nil {
		j.PollingPath = request.PollingPath(j.ID)
	}
	return j
}

// accepted wakes a worker for a job that the store has taken, or says why it has not.
func (e *Engine) accepted(ctx context.Context, j Job, err error) (Job, error) {
	switch {
	case err == nil:
		e.loop.Wake()
		return j, nil
	case errors.Is(err, ErrQueueFull):
		return Job{}, &dataapi.Error{
			Code: dataapi.CodeOverloaded, Detail: "Too many jobs of your company are waiting.",
			RetryAfter: 10 * time.Second, Err: err,
		}
	case errors.Is(err, ErrQuotaExceeded):
		return Job{}, &dataapi.Error{
			Code: dataapi.CodeQuotaExceeded, RetryAfter: time.Minute, Err: err,
			Detail: "The jobs of your company and their results take as much room as they may. " +
				"Each is removed at its expires_at; until then no job is accepted.",
		}
	case errors.Is(err, ErrKeyReused):
		return Job{}, dataapi.Wrap(dataapi.CodeIdempotencyKeyReused, err)
	case ctx.Err() != nil:
		return Job{}, err
	}
	e.log.Error("a job could not be stored", "error", err)
	return Job{}, dataapi.Wrap(dataapi.CodeOverloaded, err)
}

// quota is what a company may have.
func (e *Engine) quota() Quota {
	settings := e.settings()
	return Quota{Waiting: settings.MaxWaiting, Kept: settings.Quota}
}

// settings are those of the newest configuration, or the defaults.
func (e *Engine) settings() Settings {
	if newest, ok := e.stack.Newest(); ok {
		return newest.settings
	}
	var settings Settings
	settings.setDefaults()
	return settings
}

// Get returns a job, or ErrNotFound when there is none or it has expired. The caller checks whose job it is.
func (e *Engine) Get(ctx context.Context, id ID) (Job, error) {
	j, err := e.store.Get(ctx, id)
	if err == nil && j.Expired(e.options.Now()) {
		return Job{}, ErrNotFound
	}
	return j, err
}

// OpenResult returns a reader over a completed job's result, to be closed. It returns ErrNotFound when there is no such
// job, or it has expired, and ErrNoResult when it has not completed. See [OpenResult] for how it reads.
func (e *Engine) OpenResult(ctx context.Context, id ID) (*ResultReader, error) {
	j, err := e.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return OpenResult(ctx, e.store, j)
}
