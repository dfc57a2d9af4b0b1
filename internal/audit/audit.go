package audit

import (
	"encoding/json"
	"time"

	"github.com/solucao42/caddy-data-api/internal/observe"
)

// Action says what was done, or tried. The texts are part of the product's contract: alerts are built on them.
type Action string

// The actions.
const (
	TokenIssued    Action = "token.issued"    // an API key was exchanged for tokens
	TokenRefreshed Action = "token.refreshed" // a refresh token was exchanged
	TokenRefused   Action = "token.refused"   // an API key or a refresh token was presented, and refused
	TokenReused    Action = "token.reused"    // a refresh token came back too late: its family is revoked
	TokenEnded     Action = "token.ended"     // a caller has logged out
	AccessRefused  Action = "access.refused"  // an access token was presented, and refused

	PermissionDenied Action = "permission.denied"
	EndpointExecuted Action = "endpoint.executed" // for a caller who waited; a job's execution is job.ended
	ResultRead       Action = "result.read"       // the result of a job was handed out
	UsageRead        Action = "usage.read"        // of the company, or by an operator of any

	JobAccepted  Action = "job.accepted"
	JobCancelled Action = "job.cancelled" // by a caller, or an operator
	JobEnded     Action = "job.ended"     // however it did

	LinkMade              Action = "link.created" // a presigned link
	LinkRevoked           Action = "link.revoked"
	KeyCreated            Action = "key.created"
	KeyRotated            Action = "key.rotated"
	KeyRevoked            Action = "key.revoked"
	EndpointCreated       Action = "endpoint.created" // over the API, as those that follow; what files say is catalog.changed
	EndpointChanged       Action = "endpoint.changed" // its text, or whether it is active
	EndpointDeleted       Action = "endpoint.deleted"
	CompanyCreated        Action = "company.created"    // in the store, by an operator
	EndpointPreviewed     Action = "endpoint.previewed" // a draft was run
	UserCreated           Action = "user.created"       // over the API; what files say is catalog.changed
	UserChanged           Action = "user.changed"
	UserDeleted           Action = "user.deleted"
	PolicyCreated         Action = "policy.created" // over the API, as with users
	PolicyChanged         Action = "policy.changed"
	PolicyDeleted         Action = "policy.deleted"
	DeliveryReplayed      Action = "delivery.replayed"
	ConsoleLinkMade       Action = "console_link.created" // that signs a user in
	CallbackSecretShown   Action = "callback_secret.shown"
	CallbackSecretRotated Action = "callback_secret.rotated"
	SigningKeyRotated     Action = "signing_key.rotated"
	SigningKeyWithdrawn   Action = "signing_key.withdrawn"
	StoreBackedUp         Action = "store.backed_up"
	SourceReconnected     Action = "source.reconnected"
	CatalogChanged        Action = "catalog.changed"
)

// Success is the outcome of what was done. Any other outcome is an error code of package dataapi, or the status of a
// job.
const Success = observe.Success

// Operator is the actor of what was done through the admin API or by editing files: Caddy does not know who it was.
const Operator = "operator"

// Event is one line of the audit log. A field that is empty is left out.
type Event struct {
	Action  Action
	Outcome string // Success, an error code, or a job's status
	Reason  string // why it was refused, for operators: more than the caller was told

	// Who.
	Actor   string // Operator, or empty for a caller
	Company string
	User    string
	KeyID   string // the public half of the API key
	Issuer  string // the trusted issuer that identified the user, where no key did
	Session string // the family of the caller's tokens
	LinkID  string // of the presigned link that was used

	// From where.
	ClientIP  string
	RequestID string
	TraceID   string // of the request, or of a job's last attempt

	// On what.
	Endpoint   string          // company/namespace/slug
	Revision   string          // of the endpoint
	JobID      string          //
	Subject    string          // what else was acted on, such as the id of a key
	Parameters json.RawMessage // the bound values, sensitive ones replaced; only where the configuration asks for them
	Changes    []string        // of the catalog

	// With what effect.
	Ran      bool // Rows and Duration are known, and may be 0
	Rows     int
	Duration time.Duration
}

// Log keeps events. It is safe for concurrent use and must not block for long.
type Log interface {
	// Enabled reports whether anybody keeps the events, so that one that nobody keeps need not be put together. It is
	// asked on every request, and does nothing worth measuring.
	Enabled() bool

	// Record keeps an event.
	Record(event Event)
}
