package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/server"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// The events that Caddy's events app is told of, for its handlers.
const (
	keyRevokedEvent   = "data_api.key_revoked"
	jobFailedEvent    = "data_api.job_failed"
	catalogFaultEvent = "data_api.catalog_fault"
	sourceDownEvent   = "data_api.source_down"
	quotaReachedEvent = "data_api.quota_reached"
)

const (
	// maxEvents is how many wait for handlers that are slow. Others are lost, which is logged.
	maxEvents = 100
	// faultsEvery is how often it is looked whether the catalog has further faults.
	faultsEvery = time.Second
)

// Emitter hands events to the events app of one configuration, one after another, apart from those who tell of them: handlers may
// run programs.
type Emitter struct {
	EventSource
	lost  atomic.Int64
	ended chan struct{}
	end   func()
}

// EventSource is a configuration that events come from.
type EventSource struct {
	Events  *caddyevents.App
	Context caddy.Context //nolint:containedctx // of the module that events come from
	Catalog *catalog.Catalog
	Log     *slog.Logger
}

type event struct {
	name string
	data map[string]any
}

var (
	// emitting is the emitter of the configuration in force; nil: none is.
	emitting atomic.Pointer[Emitter]
	// queue holds what is to be told. What a configuration leaves in it, the next one tells.
	queue = make(chan event, maxEvents)
)

// emitEvent tells the events app of the configuration in force. It does not block. Data must not be changed afterwards.
func emitEvent(name string, data map[string]any) {
	if e := emitting.Load(); e != nil {
		select {
		case queue <- event{name, data}:
		default:
			e.lost.Add(1)
		}
	}
}

// StartEvents makes a configuration the one whose handlers are told, until its end or another one's start.
func StartEvents(source EventSource) *Emitter {
	e := &Emitter{EventSource: source, ended: make(chan struct{})}
	e.end = sync.OnceFunc(func() {
		emitting.CompareAndSwap(e, nil)
		close(e.ended)
	})
	if previous := emitting.Swap(e); previous != nil {
		previous.end()
	}
	go e.run()
	return e
}

// End has the handlers of the configuration told nothing more.
func (e *Emitter) End() { e.end() }

func (e *Emitter) run() {
	ticker := time.NewTicker(faultsEvery)
	defer ticker.Stop()
	faults := 0
	for {
		select {
		case <-e.ended:
			return
		case next := <-queue:
			if e.isOver() { // both were ready
				emitEvent(next.name, next.data)
				return
			}
			e.Events.Emit(e.Context, next.name, next.data)
		case <-ticker.C:
			faults = e.tellFaults(faults)
		}
		if lost := e.lost.Swap(0); lost > 0 {
			e.Log.Warn("events were lost: their handlers are too slow", "events", lost)
		}
	}
}

func (e *Emitter) isOver() bool {
	select {
	case <-e.ended:
		return true
	default:
		return false
	}
}

// tellFaults tells when the catalog has more faults than before.
func (e *Emitter) tellFaults(before int) (now int) {
	if now = e.Catalog.FaultCount(); now <= before {
		return now
	}
	faults := e.Catalog.Diagnostics()
	if len(faults) > before {
		e.Events.Emit(e.Context, catalogFaultEvent, map[string]any{"faults": len(faults), "first": faults[0].WithEffect()})
	}
	return len(faults)
}

// SourceChanged is told when a source goes or returns.
func SourceChanged(health server.SourceHealth) {
	if !health.Up {
		emitEvent(sourceDownEvent, map[string]any{"source": health.Name, "error": health.Error, "since": health.Since})
	}
}

// QuotaReached is told when a quota is used up to 80 %, and when it is used up.
func QuotaReached(notice usage.Notice) {
	emitEvent(quotaReachedEvent, map[string]any{
		"percent": notice.Percent, "holder": string(notice.Holder), "company": notice.Company, "user": notice.User, "api_key": notice.KeyID,
		"quota": notice.Quota.String(), "used": notice.Used, "until": notice.Until,
	})
}

// eventObserver tells of jobs that fail.
type eventObserver struct{}

// Observe implements [observe.Observer].
func (eventObserver) Observe(_ context.Context, call *observe.Call) {
	if call.Kind != observe.Job || call.Outcome == observe.Success || call.Outcome == observe.Cancelled {
		return
	}
	emitEvent(jobFailedEvent, map[string]any{
		"job_id": call.JobID, "company": call.Company, "user": call.User, "endpoint": call.Endpoint.String(), "code": call.Outcome,
	})
}

// AuditLog tells of keys that are revoked, whether or not there is an audit log.
type AuditLog struct{ audit.Log }

// Enabled implements [audit.Log].
func (AuditLog) Enabled() bool { return true }

// Record implements [audit.Log].
func (l AuditLog) Record(recorded audit.Event) {
	if recorded.Action == audit.KeyRevoked && recorded.Outcome == audit.Success {
		emitEvent(keyRevokedEvent, map[string]any{"api_key": recorded.KeyID, "company": recorded.Company, "user": recorded.User})
	}
	if l.Log.Enabled() {
		l.Log.Record(recorded)
	}
}

var _ audit.Log = AuditLog{}
