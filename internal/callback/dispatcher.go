package callback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/attach"
	"github.com/solucao42/caddy-data-api/internal/job"
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

	// Permit is asked before each try whether the user may still be told. An error makes the delivery a dead letter.
	// Nil permits everything. It must be safe for concurrent use.
	Permit func(ctx context.Context, d Delivery) error
}

// Options belong to a dispatcher for good. Zero values stand for the defaults.
type Options struct {
	Workers  int             // deliveries that are tried at the same time, in all; default 32
	PerHost  int             // those of them to one host and port, so that a slow one does not hold them all; default 4
	Timeout  time.Duration   // of one try, from dialling to the end of the answer; default 15 s
	Schedule []time.Duration // delays before each try; default [Schedule]
	Logger   *slog.Logger    // default slog.Default()
	Now      func() time.Time
	Resolver *net.Resolver // default: the system's
}

func (o *Options) setDefaults() {
	if o.Workers <= 0 {
		o.Workers = 32
	}
	if o.PerHost <= 0 {
		o.PerHost = 4
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
	if o.Now == nil {
		o.Now = time.Now
	}
}

// attached is what Attach puts on the stack.
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
	wake    chan struct{} // holds a token when something may be due

	mu      sync.Mutex
	state   state
	stop    context.CancelFunc // ends claiming
	abort   context.CancelFunc // ends the tries that run
	running int
	byHost  map[string]int // how many of them go to each host
	trying  map[*tryRun]struct{}
	loop    sync.WaitGroup
	tries   sync.WaitGroup
}

type state int

const (
	idle state = iota
	started
	stopped
)

// NewDispatcher makes a dispatcher that uses the store and does not own it. It delivers nothing before Start.
func NewDispatcher(store Store, jobs Jobs, options Options) *Dispatcher {
	options.setDefaults()
	return &Dispatcher{
		store: store, jobs: jobs, options: options, log: options.Logger, wake: make(chan struct{}, 1),
		byHost: make(map[string]int), trying: make(map[*tryRun]struct{}),
	}
}

// ErrStopped says that a dispatcher was stopped; it cannot be started again.
var ErrStopped = errors.New("the callback dispatcher was stopped")

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
	attachment := d.stack.Attach(attached{config, allowed, newClient(allowed, d.options.Resolver)})
	d.Wake()
	return attachment, nil
}

// Start begins to deliver. Starting a started dispatcher does nothing; a stopped one gives ErrStopped.
func (d *Dispatcher) Start(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch d.state {
	case started:
		return nil
	case stopped:
		return ErrStopped
	}
	// The dispatcher outlives the configuration that starts it, hence ctx does not end it.
	claiming, stop := context.WithCancel(context.WithoutCancel(ctx))
	tries, abort := context.WithCancel(context.WithoutCancel(ctx))
	d.stop, d.abort, d.state = stop, abort, started
	d.loop.Go(func() { d.claimLoop(claiming, tries) })
	return nil
}

// Stop stops claiming and waits for the tries that run. When ctx ends first they are broken off, which does not count as
// a try, and Stop returns ctx's error. Stopping a dispatcher that is not started, or again, returns nil at once.
func (d *Dispatcher) Stop(ctx context.Context) error {
	d.mu.Lock()
	was := d.state
	d.state = stopped
	d.mu.Unlock()
	if was != started {
		return nil
	}
	d.stop()
	d.loop.Wait() // no try begins after this
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.tries.Wait()
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		d.abort()
		<-done
	}
	d.abort()
	return err
}

// Wake makes the dispatcher look for deliveries at once: call it when a job has ended. It never blocks.
func (d *Dispatcher) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// lookEvery is how often to look for deliveries that nobody has announced, and how long to wait for a store that failed.
const lookEvery = time.Second

// claimLoop claims deliveries for free workers until ctx ends. Tries run under tries, which ends only to abort them.
func (d *Dispatcher) claimLoop(ctx, tries context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-timer.C:
		}
		wait, err := d.claimAll(ctx, tries)
		if err != nil && ctx.Err() == nil {
			d.log.Error("callbacks could not be claimed", "error", err)
			wait = lookEvery
		}
		timer.Reset(wait)
	}
}

// claimAll claims until the workers are busy or nothing is due, and returns after what time to look again.
func (d *Dispatcher) claimAll(ctx, tries context.Context) (wait time.Duration, err error) {
	defer recovered(&err)
	for ctx.Err() == nil {
		if _, ok := d.stack.Newest(); !ok {
			break
		}
		free := d.options.Workers - d.busy()
		if free <= 0 {
			break
		}
		now := d.options.Now()
		// Whoever is silent for this long is dead: a try ends after its timeout.
		until := now.Add(2*d.options.Timeout + 30*time.Second)
		due, next, err := d.store.ClaimDeliveries(ctx, now, until, free)
		if err != nil {
			return 0, err
		}
		for _, delivery := range due {
			d.begin(tries, delivery)
		}
		if len(due) > 0 {
			continue
		}
		if next.IsZero() {
			break
		}
		return min(max(next.Sub(now), time.Millisecond), lookEvery), nil
	}
	return lookEvery, nil
}

// begin tries a claimed delivery in a goroutine of its own.
func (d *Dispatcher) begin(ctx context.Context, delivery Delivery) {
	current, release, ok := d.stack.Acquire()
	if !ok {
		// The last configuration was detached in between.
		d.settle(ctx, putOff(delivery, d.options.Now()))
		return
	}
	free, ok := d.enter(delivery)
	d.tries.Go(func() {
		defer d.Wake()
		defer release()
		defer free()
		if !ok {
			now := d.options.Now()
			d.settle(ctx, putOff(delivery, now.Add(hostBusy(delivery.Forgiven))))
			return
		}
		watched, end := d.watch(ctx, delivery)
		defer end()
		d.settle(ctx, d.try(watched, delivery, current))
	})
}

func (d *Dispatcher) busy() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running
}

// recovered turns a panic into an error: it must be deferred itself.
func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
	}
}
