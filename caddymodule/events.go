package caddymodule

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/solucao42/caddy-data-api/internal/audit"
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

// emitter hands events to the events app of one configuration, one after another, apart from those who tell of them: handlers may
// run programs.
type emitter struct {
	app    *App
	events *caddyevents.App
	ctx    caddy.Context //nolint:containedctx // of the module that events come from
	lost   atomic.Int64
	ended  chan struct{}
	end    func()
}

type event struct {
	name string
	data map[string]any
}

var (
	// emitting is the emitter of the configuration in force; nil: none is.
	emitting atomic.Pointer[emitter]
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

// startEvents makes the app the one whose handlers are told.
func (a *App) startEvents() *emitter {
	e := &emitter{app: a, events: a.events, ctx: a.configured, ended: make(chan struct{})}
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

func (e *emitter) run() {
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
			e.events.Emit(e.ctx, next.name, next.data)
		case <-ticker.C:
			faults = e.tellFaults(faults)
		}
		if lost := e.lost.Swap(0); lost > 0 {
			e.app.log.Warn("events were lost: their handlers are too slow", "events", lost)
		}
	}
}

func (e *emitter) isOver() bool {
	select {
	case <-e.ended:
		return true
	default:
		return false
	}
}

// tellFaults tells when the catalog has more faults than before.
func (e *emitter) tellFaults(before int) (now int) {
	catalog := e.app.server.Catalog()
	if now = catalog.FaultCount(); now <= before {
		return now
	}
	faults := catalog.Diagnostics()
	if len(faults) > before {
		e.events.Emit(e.ctx, catalogFaultEvent, map[string]any{"faults": len(faults), "first": faults[0].WithEffect()})
	}
	return len(faults)
}

// sourceChanged is told when a source goes or returns.
func sourceChanged(health server.SourceHealth) {
	if !health.Up {
		emitEvent(sourceDownEvent, map[string]any{"source": health.Name, "error": health.Error, "since": health.Since})
	}
}

// quotaReached is told when a quota is used up to 80 %, and when it is used up.
func quotaReached(notice usage.Notice) {
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

// eventAuditLog tells of keys that are revoked, whether or not there is an audit log.
type eventAuditLog struct{ audit.Log }

// Enabled implements [audit.Log].
func (eventAuditLog) Enabled() bool { return true }

// Record implements [audit.Log].
func (l eventAuditLog) Record(recorded audit.Event) {
	if recorded.Action == audit.KeyRevoked && recorded.Outcome == audit.Success {
		emitEvent(keyRevokedEvent, map[string]any{"api_key": recorded.KeyID, "company": recorded.Company, "user": recorded.User})
	}
	if l.Log.Enabled() {
		l.Log.Record(recorded)
	}
}

var _ audit.Log = eventAuditLog{}
