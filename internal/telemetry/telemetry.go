package telemetry

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/buildinfo"
	"github.com/solucao42/caddy-data-api/internal/metrics"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// Metrics are what Prometheus is told. Like all that watches calls, it lives as long as the process: what it counts must not fall
// when a configuration is replaced.
var Metrics = newMetrics()

// All watch the calls of all configurations.
var All = observe.Observers{tracing.Observer{}, Metrics, &slow, placeholderObserver{}, eventObserver{}}

func newMetrics() *metrics.Metrics {
	build := buildinfo.Read()
	return metrics.New(metrics.Options{Version: build.Version, Commit: build.Commit})
}

// RegisterMetrics puts the metrics into the registry of a configuration that is being provisioned. Caddy makes one for each.
func RegisterMetrics(ctx caddy.Context) error {
	return ctx.GetMetricsRegistry().Register(Metrics)
}
