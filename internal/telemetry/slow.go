package telemetry

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/solucao42/caddy-data-api/internal/observe"
)

// slowLogger is appended to the name of the app's logger, which makes it data_api.slow.
const slowLogger = "slow"

// slowLog writes the calls whose query takes longer than the configuration in force allows. It costs nothing else.
type slowLog struct {
	current atomic.Pointer[SlowQueries]
}

// SlowQueries are what one configuration calls slow. Make them with [NewSlowQueries].
type SlowQueries struct {
	over  time.Duration // 0: nothing is
	plans bool          // are asked for
	log   *zap.Logger
}

// NewSlowQueries says how long a query takes that is slow; 0: none is. Their plans are asked for, where plans says so. They are written
// into a log of an app's logger.
func NewSlowQueries(app *zap.Logger, over time.Duration, plans bool) *SlowQueries {
	return &SlowQueries{over, plans, app.Named(slowLogger)}
}

// Follow makes this what is slow from now on.
func (s *SlowQueries) Follow() { slow.current.Store(s) }

// Forget ends that, unless it is something else that is slow by now.
func (s *SlowQueries) Forget() { slow.current.CompareAndSwap(s, nil) }

// slow watches the calls of all configurations.
var slow slowLog

// Observe implements [observe.Observer].
func (s *slowLog) Observe(_ context.Context, call *observe.Call) {
	current := s.current.Load()
	if current == nil || current.over == 0 || !call.Ran {
		return
	}
	took := call.Timing.Queried
	if call.Kind == observe.Job {
		took = call.Duration // its record does not say how long it has waited for its place
	}
	if took < current.over {
		return
	}
	about := []zap.Field{
		zap.String("endpoint", call.Endpoint.String()), zap.String("revision", call.Revision), zap.String("source", call.Source),
		zap.String("company", call.Company), zap.String("user", call.User), zap.String("outcome", call.Outcome),
		zap.Float64("waited", call.Timing.Waited.Seconds()), zap.Float64("queried", took.Seconds()), zap.Int("rows", call.Rows),
	}
	for name, id := range map[string]string{"request_id": call.RequestID, "job_id": call.JobID} {
		if id != "" {
			about = append(about, zap.String(name, id))
		}
	}
	if call.Query != nil {
		about = append(about, zap.Reflect("parameters", call.Query.Redacted()))
	}
	current.log.Warn("a query was slow", about...)
	if current.plans && call.Query != nil {
		plans.explain(current.log, call, time.Now())
	}
}
