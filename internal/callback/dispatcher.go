package callback

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/attach"
	"github.com/solucao42/caddy-data-api/internal/claim"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// Jobs is what announcing a job's end needs of a job.Store.
type Jobs interface {
	Get(ctx context.Context, id job.ID) (job.Job, error)
	job.ChunkStore
}

// Config is what a configuration says about callbacks.
type Config struct {
	// AllowedHosts may be called by http, on any port, and inside a private network. Each is a host:port, such as
	// 127.0.0.1:3101. Default: none.
	AllowedHosts []string

	// MaxResult is the longest result in bytes that is sent along; a longer one is left out, and "result_omitted": true
	// says so. Default 256 KiB; below zero, none is sent.
	MaxResult int64

	// Authorize is asked before each try whether the user may still be told. An error makes the delivery a dead letter.
	// Nil allows everything. It must be safe for concurrent use.
	Authorize func(ctx context.Context, d Delivery) error

	// Redacted returns the parameters of a job without the values of sensitive ones; nil: they are not known any more. A nil function
	// knows none. It must be safe for concurrent use.
	Redacted func(j job.Job) json.RawMessage
}

// Options belong to a dispatcher for good. Zero values mean the defaults.
type Options struct {
	// Workers are the tries at the same time that have not taken a second yet; default 32. As many more may take longer.
	Workers int
	// PerCompany are those of one company, of either kind; default twice PerHost, and a quarter of the workers at least.
	PerCompany int
	// PerHost are all tries to one host and port, and those of one company to one address whatever its name; default 4. A
	// company has one try at a time to what has been slow.
	PerHost int

	Timeout  time.Duration     // of one try, from dialling to the end of the answer; default 15 s
	Schedule []time.Duration   // delays before each try; default [Schedule]
	Logger   *slog.Logger      // default slog.Default()
	Traces   *tracing.Provider // makes the spans of tries; default: none are made
	Now      func() time.Time
	Resolver *net.Resolver // default: the system's

	// Tried is told what has come of each attempt. It must not block. Nil: nobody is told.
	Tried func(observe.CallbackOutcome)
}

func (o *Options) setDefaults() {
	if o.Workers <= 0 {
		o.Workers = 32
	}
	if o.PerHost <= 0 {
		o.PerHost = 4
	}
	if o.PerCompany <= 0 {
		o.PerCompany = min(o.Workers, max(2*o.PerHost, o.Workers/4))
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if len(o.Schedule) == 0 {
		o.Schedule = Schedule()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Tried == nil {
		o.Tried = func(observe.CallbackOutcome) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// attached is a configuration's settings, and what is made of them; the newest one on the stack is in force.
type attached struct {
	config Config
	hosts  hosts
	client *http.Client
}

// Attachment is a configuration's hold on a dispatcher: see [Dispatcher.Attach].
type Attachment = attach.Attachment[attached]

// Dispatcher delivers what the store holds. It lives as long as its store, across reloads of the configuration, and is
// safe for concurrent use.
type Dispatcher struct {
	store   Store
	jobs    Jobs
	options Options
	log     *slog.Logger
	stack   attach.Stack[attached]
	loop    *claim.Loop
	steady  func() time.Time // decides when deliveries are due; see [claim.Steady]
	load    *load
}

// NewDispatcher makes a dispatcher that uses the store and does not own it. It delivers nothing before Start.
func NewDispatcher(store Store, jobs Jobs, options Options) *Dispatcher {
	options.setDefaults()
	d := &Dispatcher{store: store, jobs: jobs, options: options, log: options.Logger, steady: claim.Steady(options.Now)}
	d.load = newLoad(&d.options)
	d.loop = claim.New(d.claim, claim.Options{What: "callbacks", Logger: options.Logger, Now: d.steady})
	return d
}

// Attach makes config the one that tries begin with from now on; tries that run go on with theirs. The caller calls
// Detach on what it returns when its configuration ends. As long as nothing is attached nothing is tried. A faulty
// config is an error that says what is allowed.
func (d *Dispatcher) Attach(config Config) (*Attachment, error) {
	allowed, err := parseHosts(config.AllowedHosts)
	if err != nil {
		return nil, err
	}
	if config.MaxResult == 0 {
		config.MaxResult = 256 << 10
	}
	attachment := d.stack.Attach(attached{config, allowed, newClient(allowed, d.options.Resolver, d.load)})
	d.Wake()
	return attachment, nil
}

// Start begins to deliver. Starting a started dispatcher does nothing; a stopped one gives [claim.ErrStopped].
func (d *Dispatcher) Start(ctx context.Context) error {
	return d.loop.Start(ctx, func(context.Context) error { return nil })
}

// Stop stops claiming and waits for the tries that run. When ctx ends first they are broken off, which does not count as
// a try, and Stop returns ctx's error. Stopping a dispatcher that is not started, or again, returns nil at once.
func (d *Dispatcher) Stop(ctx context.Context) error { return d.loop.Stop(ctx) }

// Wake makes the dispatcher look for deliveries at once: call it when a job has ended. It never blocks.
func (d *Dispatcher) Wake() { d.loop.Wake() }

// claim claims deliveries for the workers that are free, and begins to try them. It is a [claim.Func].
func (d *Dispatcher) claim(ctx context.Context, now time.Time) (claimed int, next time.Time, err error) {
	capacity := d.load.capacity()
	if _, ok := d.stack.Newest(); !ok || capacity.Deliveries <= 0 {
		return 0, time.Time{}, nil
	}
	// A worker that is silent for this long is dead: a try ends after its timeout.
	until := now.Add(2*d.options.Timeout + 30*time.Second)
	due, next, err := d.store.ClaimDeliveries(ctx, now, until, capacity)
	for _, delivery := range due {
		d.begin(delivery)
	}
	return len(due), next, err
}

// begin tries a claimed delivery.
func (d *Dispatcher) begin(delivery Delivery) {
	current, release, ok := d.stack.Acquire()
	if !ok { // the last configuration was detached in between
		d.loop.Go(func(ctx context.Context) { d.storeOutcome(ctx, postpone(delivery, d.steady())) })
		return
	}
	run := d.load.begin(delivery)
	d.loop.Go(func(ctx context.Context) {
		defer release()
		watched, cancel := d.load.watch(ctx, run)
		defer cancel(nil)
		settled := d.try(watched, delivery, current)
		d.options.Tried(outcomeOf(delivery, settled))
		// Its place is free once what came of it is stored: until then it must not be claimed again.
		d.storeOutcome(ctx, settled)
		d.load.end(run, settled.Tries() == delivery.Tries())
	})
}

// outcomeOf names what an attempt has made of a delivery.
func outcomeOf(before, after Delivery) observe.CallbackOutcome {
	switch {
	case after.State == Delivered:
		return observe.CallbackDelivered
	case after.State == Dead:
		return observe.CallbackDead
	case after.Tries() < before.Tries():
		return observe.CallbackPostponed
	}
	return observe.CallbackFailed
}
