// Package logging writes into the logs of the configuration in force, whichever that is: what outlives a configuration, such as a
// store or the job engine, logs through [Shared] and [SharedAuditLog]. [AuditLog] is the form that the audit log has in a log of Caddy's.
//
// It knows zap and slog, and nothing of configurations but that the newest one counts.
//
// Start reading at [Shared] in shared.go; audit.go has the audit log.
package logging
