package observe

import "time"

// Meter counts what happens beside calls. It is safe for concurrent use and does not block. All words that it is given are
// constants of the code: none comes from a caller.
type Meter interface {
	// TokenIssued counts a pair of tokens that was handed out.
	TokenIssued()

	// TokenRefused counts an API key, a refresh token or an access token that was refused, and a request that had none.
	TokenRefused(reason Refusal)

	// Throttled counts a request that was refused since there were too many, or too much is kept already.
	Throttled(limit Limit)

	// CallbackTried counts one try to deliver a callback.
	CallbackTried(outcome CallbackOutcome)

	// StoreCommitted notes a commit of the store: how long it took, and whether it failed.
	StoreCommitted(took time.Duration, err error)
}

// Refusal says why credentials were refused.
type Refusal string

// The reasons.
const (
	NoToken      Refusal = "no_token"      // the request has no bearer token
	InvalidToken Refusal = "invalid_token" // it is no token of this server or of a trusted issuer, or its form is wrong
	ExpiredToken Refusal = "expired_token"
	RevokedToken Refusal = "revoked_token" // its family has ended: logout, or a refresh token that came back
	ReusedToken  Refusal = "reused_token"  // a refresh token that was exchanged before: somebody may have stolen it
	MalformedKey Refusal = "malformed_key" // no API key looks like that
	UnknownKey   Refusal = "unknown_key"   // no such key, or another company's
	WrongSecret  Refusal = "wrong_secret"
	RevokedKey   Refusal = "revoked_key"
	ExpiredKey   Refusal = "expired_key"
	NotActive    Refusal = "not_active"   // the company or the user is inactive, or not in the catalog
	NotTrusted   Refusal = "not_trusted"  // an issuer is not trusted for the company, or for that subject
	InvalidLink  Refusal = "invalid_link" // a presigned link that was made up, changed or revoked
	EndedLink    Refusal = "ended_link"   // one that has expired, was used up, or whose maker may not ask any more
	OtherRefusal Refusal = "other"
)

// Refusals are all reasons.
var Refusals = []Refusal{
	NoToken, InvalidToken, ExpiredToken, RevokedToken, ReusedToken, MalformedKey, UnknownKey, WrongSecret, RevokedKey, ExpiredKey,
	NotActive, NotTrusted, InvalidLink, EndedLink, OtherRefusal,
}

// Limit is what a request can exceed.
type Limit string

// The limits. The first four are those of requests for tokens.
const (
	AddressLimit  Limit = "address"         // requests of one address
	FailuresLimit Limit = "failures"        // failed ones of one address
	IdentityLimit Limit = "identity"        // failed ones for one API key
	TotalLimit    Limit = "total"           // failed ones in all
	KeyLimit      Limit = "key"             // the rate of a user's key
	EndpointLimit Limit = "endpoint"        // the rate of an endpoint
	WaitersLimit  Limit = "waiting_callers" // callers of a company who wait for jobs
	MemoryLimit   Limit = "memory"          // of answers and bodies
	QuotaLimit    Limit = "quota"           // calls or rows of a company, a user or a key
	StorageLimit  Limit = "storage"         // what the jobs of a company take in the store
)

// Limits are all limits.
var Limits = []Limit{
	AddressLimit, FailuresLimit, IdentityLimit, TotalLimit, KeyLimit, EndpointLimit, WaitersLimit, MemoryLimit, QuotaLimit, StorageLimit,
}

// CallbackOutcome is what has come of one try.
type CallbackOutcome string

// The outcomes.
const (
	CallbackDelivered CallbackOutcome = "delivered"
	CallbackFailed    CallbackOutcome = "failed"    // it is tried again
	CallbackDead      CallbackOutcome = "dead"      // it failed for the last time
	CallbackPostponed CallbackOutcome = "postponed" // nothing was sent, and it does not count as a try
)

// CallbackOutcomes are all outcomes.
var CallbackOutcomes = []CallbackOutcome{CallbackDelivered, CallbackFailed, CallbackDead, CallbackPostponed}

// Unmetered counts nothing.
type Unmetered struct{}

// TokenIssued implements [Meter].
func (Unmetered) TokenIssued() {}

// TokenRefused implements [Meter].
func (Unmetered) TokenRefused(Refusal) {}

// Throttled implements [Meter].
func (Unmetered) Throttled(Limit) {}

// CallbackTried implements [Meter].
func (Unmetered) CallbackTried(CallbackOutcome) {}

// StoreCommitted implements [Meter].
func (Unmetered) StoreCommitted(time.Duration, error) {}

var _ Meter = Unmetered{}
