package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

// jobs counts how jobs end.
type jobs struct {
	ended    *prometheus.CounterVec
	duration histograms
	queued   histograms
}

var jobBuckets = []float64{0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600}

func newJobs() jobs {
	j := jobs{
		ended: counter("jobs_ended_total", "Jobs that have ended, by status and, of failed ones, by the code of the error.", "status", "code"),
		duration: newHistograms("job_duration_seconds",
			"How long the last attempt at a job took, from its beginning until its result was kept.", jobBuckets),
		queued: newHistograms("job_wait_seconds",
			"How long jobs waited from their acceptance until their last attempt began, further attempts included.", jobBuckets),
	}
	j.duration.with()
	j.queued.with()
	j.ended.WithLabelValues("completed", "")
	j.ended.WithLabelValues("cancelled", "")
	j.ended.WithLabelValues("failed", string(dataapi.CodeInternal))
	return j
}

func (j *jobs) collectors() []prometheus.Collector {
	return []prometheus.Collector{j.ended, j.duration, j.queued}
}

func (j *jobs) observe(call *observe.Call) {
	switch call.Outcome {
	case observe.Success:
		j.ended.WithLabelValues("completed", "").Inc()
	case observe.Cancelled:
		j.ended.WithLabelValues("cancelled", "").Inc()
	default:
		j.ended.WithLabelValues("failed", call.Outcome).Inc()
	}
	if call.Ran {
		j.duration.with().observe(call.Duration)
		j.queued.with().observe(call.Queued)
	}
}
