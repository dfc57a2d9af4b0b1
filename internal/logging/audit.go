package logging

import (
	"go.uber.org/zap"

	"github.com/solucao42/caddy-data-api/internal/attach"
	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// auditLogger is appended to the name of the app's logger, which makes it data_api.audit: a log of a Caddyfile chooses it
// with include, or leaves it out with exclude.
const auditLogger = "audit"

// AuditLog writes the audit log into a log of Caddy's, one line for each event. Make it with [NewAuditLog].
type AuditLog struct {
	logger  *zap.Logger
	enabled bool
}

// NewAuditLog makes an audit log of an app's logger. Whether a log takes its lines is decided when the configuration is
// loaded, so it is asked once.
func NewAuditLog(app *zap.Logger) *AuditLog {
	logger := app.Named(auditLogger)
	return &AuditLog{logger: logger, enabled: logger.Check(zap.InfoLevel, "") != nil}
}

// Enabled reports whether a log takes the events.
func (t *AuditLog) Enabled() bool { return t.enabled }

// Record writes one line.
func (t *AuditLog) Record(event audit.Event) {
	if !t.enabled {
		return
	}
	entry := t.logger.Check(zap.InfoLevel, string(event.Action))
	if entry == nil {
		return
	}
	fields := make([]zap.Field, 0, 16)
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, zap.String(name, value))
		}
	}
	add("outcome", event.Outcome)
	add("reason", dataapi.Shorten(event.Reason, maxReason))
	add("actor", event.Actor)
	add("company", event.Company)
	add("user", event.User)
	add("api_key", event.KeyID)
	add("issuer", event.Issuer)
	add("session", event.Session)
	add("link_id", event.LinkID)
	add("client_ip", event.ClientIP)
	add("request_id", event.RequestID)
	add("trace_id", event.TraceID)
	add("endpoint", event.Endpoint)
	add("revision", event.Revision)
	add("job_id", event.JobID)
	add("subject", event.Subject)
	if event.Parameters != nil {
		fields = append(fields, zap.Reflect("parameters", event.Parameters))
	}
	if len(event.Changes) > 0 {
		fields = append(fields, zap.Strings("changes", event.Changes))
	}
	if event.Ran {
		fields = append(fields, zap.Int("rows", event.Rows), zap.Float64("duration", event.Duration.Seconds()))
	}
	entry.Write(fields...)
}

// maxReason bounds a reason, in bytes: it may quote what a caller has sent, of which anybody can send much.
const maxReason = 300

// SharedAuditLog is the audit log of what outlives a configuration, such as the job engine. It passes events on to the newest
// configuration that has attached its own.
type SharedAuditLog struct {
	attach.Stack[audit.Log]
}

// Enabled reports whether the newest configuration keeps an audit log.
func (t *SharedAuditLog) Enabled() bool {
	current, ok := t.Newest()
	return ok && current.Enabled()
}

// Record passes the event on.
func (t *SharedAuditLog) Record(event audit.Event) {
	if current, ok := t.Newest(); ok {
		current.Record(event)
	}
}

var (
	_ audit.Log = (*AuditLog)(nil)
	_ audit.Log = (*SharedAuditLog)(nil)
)
