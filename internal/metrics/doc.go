// Package metrics counts for Prometheus what the server does: calls and jobs as an [observe.Observer], everything beside them as
// an [observe.Meter], and at each scrape the gauges of the configuration in force.
//
// A [Metrics] lives as long as the process. Each configuration registers it in a registry of its own, and what it has counted
// never falls because a configuration is replaced. Labels come from the catalog and from the code, and never from a request that
// names what does not exist: so the number of series is bounded by the catalog. Series of what has left the catalog are dropped
// after [Retention].
//
// The package knows Prometheus' client, and neither Caddy nor a store. docs/operations.md lists every metric; a test compares it
// with [Names]. Start reading at [New].
package metrics
