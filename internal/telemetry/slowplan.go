package telemetry

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

const (
	// planTimeout is how long a database may take to plan, the wait for a place included: a slow query often means a busy database.
	planTimeout = 2 * time.Second
	// planPause is between two plans of any queries.
	planPause = time.Second
	// planEvery is how often one endpoint's plan is asked for.
	planEvery = time.Minute
	// plansRemembered is how many endpoints are known to have been asked for lately.
	plansRemembered = 1024
)

// slowPlans asks for the plans of slow queries: of one at a time and of few, so that it takes no part in what makes them slow.
type slowPlans struct {
	mu    sync.Mutex
	busy  bool
	next  time.Time // earlier than that none is asked for
	known map[plannedQuery]time.Time
}

// plannedQuery is a revision of an endpoint.
type plannedQuery struct {
	endpoint dataapi.Address
	revision string
}

// plans are asked for under all configurations.
var plans slowPlans

// explain writes a plan to the log soon, unless one is being asked for, or was lately. It does not block.
func (p *slowPlans) explain(log *zap.Logger, call *observe.Call, now time.Time) {
	if !p.begin(plannedQuery{call.Endpoint, call.Revision}, now) {
		return
	}
	query := call.Query
	log = log.With(zap.String("endpoint", call.Endpoint.String()), zap.String("revision", call.Revision), zap.String("source", call.Source),
		zap.String("request_id", call.RequestID))
	go func() {
		defer p.end()
		ctx, cancel := context.WithTimeout(context.Background(), planTimeout)
		defer cancel()
		plan, err := query.Explain(ctx)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
		case err != nil:
			log.Warn("could not get the plan of a slow query", zap.Error(err))
		default:
			log.Warn("the plan of a slow query", zap.String("plan", plan))
		}
	}()
}

// begin reports whether to ask.
func (p *slowPlans) begin(query plannedQuery, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy || now.Before(p.next) || now.Sub(p.known[query]) < planEvery {
		return false
	}
	if p.known == nil || len(p.known) >= plansRemembered {
		p.known = make(map[plannedQuery]time.Time) // so that at worst an endpoint is asked for again early
	}
	p.busy, p.next, p.known[query] = true, now.Add(planPause), now
	return true
}

func (p *slowPlans) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = false
}
