// Package telemetry holds those who watch the calls of endpoints for the operator of a Caddy: metrics, spans, the log of slow
// queries and their plans, Caddy's events, and the placeholders of a request.
//
// What they count must not fall when a configuration is replaced. So they live as long as the process, and each configuration, when it comes
// into force, says what it wants of them.
//
// They see records of package observe and take no part in what they watch. It knows Caddy, but no module of ours. Start reading at
// telemetry.go.
package telemetry
