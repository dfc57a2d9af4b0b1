package caddymodule

import (
	"context"
	"log/slog"
	"maps"
	"net/url"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/solucao42/caddy-data-api/internal/attach"
	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/gcpace"
	"github.com/solucao42/caddy-data-api/internal/lease"
	"github.com/solucao42/caddy-data-api/internal/server"
	"github.com/solucao42/caddy-data-api/internal/telemetry"
)

const (
	// retireGrace is how long a configuration that has no successor keeps its resources for requests that are on their way
	// to it. Where there is a successor, that answers them.
	retireGrace = 10 * time.Second

	// drainTimeout is how long the end of the process waits for running jobs. Those that are not done are run again at
	// the next start.
	drainTimeout = 10 * time.Second

	// takeOverRetry is how often an app looks whether its configuration has come into force without an event that says so.
	takeOverRetry = time.Second
)

// lifecycle is the place of an app among the configurations before and after it. Caddy calls Start and Stop of apps in any
// order, rejects a configuration after some of them have started, and sends requests to one that is not in force yet, or
// not any more. So an app acts only while its configuration is in force: before and after that it runs no job, ends none
// and records nothing, and hands requests on.
type lifecycle struct {
	inForce atomic.Bool // from takeOver to end

	ending context.Context //nolint:containedctx // an event: this configuration is replaced or rejected, or the server stops
	cancel context.CancelFunc

	mu            sync.Mutex
	logging       *attach.Attachment[slog.Handler]
	auditing      *attach.Attachment[audit.Log]
	detachJobs    func()             // not nil: jobs and callbacks begin under this configuration, until it is called
	detachMetrics func()             // not nil: metrics show this configuration, until it is called
	endPace       func()             // with detachMetrics
	emitter       *telemetry.Emitter // not nil: handlers of this configuration are told of events
	slowLog       *telemetry.SlowQueries
	drained       chan struct{} // not nil: the server stops; closed when no job runs any more

	servers map[*caddyhttp.Server]bool // that handlers of this app are part of
}

// followEvents arranges that the app hears when its configuration comes into force and when it ends. Caddy waits for the
// requests of a server that stops before it stops the other apps, or after that, and so says in advance that it is about to.
func (a *App) followEvents(ctx caddy.Context) error {
	a.ending, a.cancel = context.WithCancel(context.Background())
	found, err := ctx.App("events")
	if err != nil {
		return err
	}
	a.events = found.(*caddyevents.App)
	if err := a.events.On("started", eventHandler(a.takeOver)); err != nil {
		return err
	}
	return a.events.On("stopping", eventHandler(a.handOver))
}

// eventHandler is an event handler that calls a function.
type eventHandler func()

// Handle calls the function.
func (handle eventHandler) Handle(context.Context, caddy.Event) error {
	handle()
	return nil
}

// Start opens the store and checks every statement on its source. A store that cannot be opened fails it. A statement that
// a source refuses is left out, or fails it where the configuration is strict. A source that cannot be reached does neither.
func (a *App) Start() error {
	a.mu.Lock()
	a.logging = sharedLog.Attach(a.log)
	a.mu.Unlock()
	opened, err := a.server.Open()
	if err != nil {
		return err
	}
	for name, shared := range a.sources {
		shared.RememberIn(filepath.Join(caddy.AppDataDir(), "data-api", "accepted", url.PathEscape(name)+".json"), sharedLog.With(slog.String("source", name)))
	}
	if err := a.server.CheckStatements(); err != nil {
		return err
	}
	if err := opened.Start(); err != nil {
		return err
	}
	a.takeOverLater()
	a.tellUnproven()
	snapshot := a.server.Catalog().Current()
	a.log.Info("serving",
		slog.String("catalog", a.Catalog),
		slog.Int("companies", len(snapshot.Companies())),
		slog.Int("endpoints", len(snapshot.Endpoints())),
		slog.Any("sources", slices.Sorted(maps.Keys(a.sources))),
		slog.String("store", a.storeName))
	giveBackMemory(len(snapshot.Endpoints()))
	return nil
}

// manyEndpoints is from how many endpoints on reading them takes memory that is worth giving back at once.
const manyEndpoints = 1000

// giveBackMemory returns what reading so many endpoints has taken and nobody needs any more: several times what is kept of them. By
// itself that would take minutes. It does not block.
func giveBackMemory(endpoints int) {
	if endpoints >= manyEndpoints {
		go debug.FreeOSMemory()
	}
}

// takeOver makes this configuration the one that jobs and callbacks begin under, and that records what they come to. It is
// called when all apps have started, and may be called again.
func (a *App) takeOver() {
	a.mu.Lock()
	defer a.mu.Unlock()
	opened := a.server.Opened()
	if opened == nil || a.detachJobs != nil || a.ended() {
		return
	}
	telemetry.FollowTracing(a.configured)
	detach, err := a.attach(opened)
	if err != nil {
		a.log.Error("no job and no callback begins under this configuration", slog.Any("error", err))
		return
	}
	a.detachJobs = detach
	a.auditing = sharedAuditLog.Attach(a.auditLog)
	a.slowLog.Follow()
	a.emitter = telemetry.StartEvents(telemetry.EventSource{
		Events: a.events, Context: a.configured, Catalog: a.server.Catalog(), Log: a.log,
	})
	a.detachMetrics = telemetry.Metrics.Attach(opened.View(!a.Metrics.WithoutCompany))
	a.endPace = pace.Begin()
	a.inForce.Store(true)
}

// pace is that of the process, whose garbage all configurations make.
var pace gcpace.Pace

// attach makes jobs and callbacks begin under this configuration. Its generation is held until the last of them has ended.
func (a *App) attach(opened *server.Services) (detach func(), err error) {
	if !a.generation.Enter() {
		return nil, lease.ErrReleased
	}
	if detach, err = opened.Attach(a.generation.Leave); err != nil {
		a.generation.Leave()
	}
	return detach, err
}

// tellUnproven logs which sources have never answered. It returns at once.
func (a *App) tellUnproven() {
	if !a.generation.Enter() {
		return
	}
	go func() {
		defer a.generation.Leave()
		a.server.TellUnproven()
	}()
}

// takeOverLater is for a server where a handler of another module has aborted the event that takeOver waits for.
func (a *App) takeOverLater() {
	time.AfterFunc(takeOverRetry, func() {
		switch {
		case a.ended():
		case activeApp() == a:
			a.takeOver()
		default:
			a.takeOverLater()
		}
	})
}

// handOver ends what goes on only as long as a configuration is in force: callers who wait for a job are answered. When the
// server stops, jobs end from now on, beside the requests that Caddy waits for.
func (a *App) handOver() {
	a.end()
	if successor := activeApp(); successor != nil && successor != a {
		successor.catalogAudit.inherit(a.catalogAudit)
	}
	if caddy.Exiting() {
		a.drain()
	}
}

// Stop takes this configuration away from the job engine: running jobs end under it, new ones begin under the one that
// has been started since. When the process ends, running jobs are given a while to end.
func (a *App) Stop() error {
	a.end()
	a.release()
	if !caddy.Exiting() {
		a.silence()
		return nil
	}
	drained := a.drain()
	if len(a.servers) == 0 {
		<-drained // else the HTTP servers wait for it: were they stopped after this app, they would accept requests meanwhile
	}
	return nil
}

// Cleanup lets go of everything that Provision and Start took hold of, also when either failed half way: Caddy calls Stop
// only on apps whose Start has succeeded.
func (a *App) Cleanup() error {
	if a.cancel != nil {
		a.end()
	}
	a.release()
	a.silence()
	if a.server != nil {
		_ = a.server.Close()
	}
	if a.generation == nil {
		return nil
	}
	grace := retireGrace
	if successor := activeApp(); successor != nil && successor != a {
		grace = 0
	}
	a.generation.Retire(grace)
	return nil
}

// end makes ended true.
func (a *App) end() {
	a.mu.Lock() // takeOver comes before or after it
	defer a.mu.Unlock()
	a.inForce.Store(false)
	a.cancel()
}

// ended reports whether this configuration is replaced or rejected, or the server stops.
func (a *App) ended() bool { return a.ending.Err() != nil }

// release takes this configuration away from the job engine.
func (a *App) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.detachJobs != nil {
		a.detachJobs()
		a.detachJobs = nil
	}
	if a.detachMetrics != nil {
		a.detachMetrics()
		a.endPace()
		a.emitter.End()
		a.slowLog.Forget()
		a.detachMetrics = nil
	}
}

// silence stops long-lived components from writing to this configuration's logs.
func (a *App) silence() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.logging != nil {
		a.logging.Detach()
	}
	if a.auditing != nil {
		a.auditing.Detach()
	}
}

// drain begins to end the jobs, and returns a channel that is closed when none runs any more, or none obeys. It does not
// block, and may be called again.
func (a *App) drain() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.drained == nil {
		drained := make(chan struct{})
		a.drained = drained
		go func() {
			defer close(drained)
			a.backend.Drain(drainTimeout)
		}()
	}
	return a.drained
}

// servedBy arranges that a server which stops with the process waits for the jobs too, once it accepts nothing any more and
// its requests have ended. So it makes no difference which of the two apps Caddy stops first.
func (a *App) servedBy(server *caddyhttp.Server) {
	if a.servers[server] {
		return
	}
	if a.servers == nil {
		a.servers = make(map[*caddyhttp.Server]bool)
	}
	a.servers[server] = true
	server.RegisterOnStop(func(context.Context) error {
		if caddy.Exiting() {
			<-a.drain()
		}
		return nil
	})
}
