package callback

import (
	"context"
	"errors"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// State says how far a delivery is.
type State string

// The states of a delivery.
const (
	Pending   State = "pending"   // it will be tried, or is being tried
	Delivered State = "delivered" // the receiver answered 2xx
	Dead      State = "dead"      // given up: a dead letter
)

// DeadRetention is how long a dead letter, and the job that it announces, stay in the store after it was given up.
const DeadRetention = 7 * 24 * time.Hour

// Delivery is the announcement of one job's end. Stores make it when the job ends.
type Delivery struct {
	JobID   job.ID `json:"job_id"`
	Company string `json:"company"` // of the job
	User    string `json:"user"`
	URL     string `json:"url"`

	State     State     `json:"state"`
	CreatedAt time.Time `json:"created_at"`
	// NextAttempt is when it is to be tried; while it is being tried, when somebody else may take it over.
	// Zero unless it is pending.
	NextAttempt time.Time `json:"next_attempt,omitzero"`

	// Attempt counts the claims, from 1, and fences as a job's does. Forgiven of them do not count towards the schedule.
	Attempt  int `json:"attempt,omitempty"`
	Forgiven int `json:"forgiven,omitempty"`

	EndedAt time.Time `json:"ended_at,omitzero"` // when it was delivered or given up
	Log     []Try     `json:"log,omitempty"`     // the latest tries, at most maxLog, oldest first
}

// maxLog is how many tries a delivery's log keeps.
const maxLog = 20

// Try is what came of one attempt.
type Try struct {
	At     time.Time     `json:"at"`
	Took   time.Duration `json:"took"`
	Status int           `json:"status,omitempty"` // HTTP status of the answer; 0: there was none
	Error  string        `json:"error,omitempty"`  // why it did not succeed, for operators
	Reason Reason        `json:"reason,omitempty"` // the same as a word; of tries that an older version has kept there is none
}

// MessageID is the webhook-id: it stays the same in every attempt, so that the receiver can tell a repetition.
func (d *Delivery) MessageID() string { return "msg_" + d.JobID.String() }

// Tries is how many attempts count towards the schedule.
func (d *Delivery) Tries() int { return d.Attempt - d.Forgiven }

// Host is the host and port that the delivery goes to, in one form for all ways of writing them.
func (d *Delivery) Host() string { return hostOf(d.URL) }

// Line is where the deliveries of one company to one host wait.
type Line struct{ Company, Host string }

// Capacity is how many deliveries may be claimed.
type Capacity struct {
	Deliveries int            // in all, at least 1
	PerCompany int            // of one company, those included that Running counts; 0: any number
	Running    map[string]int // how many of each company run already; those with fewer come first
	PerHost    int            // to one host, those included that Hosts counts; 0: any number
	Hosts      map[string]int // how many go to each host already

	// Left is how many more of a company may go to a host now. It must not block, nor change its mind during a claim. Nil:
	// any number.
	Left func(Line) int

	Held map[job.ID]int // the attempts that the caller makes itself
}

// Full reports whether no delivery of a line may be claimed any more, after so many of its company, its host and itself that are not in the
// capacity yet.
func (c *Capacity) Full(line Line, ofCompany, ofHost, ofLine int) bool {
	return c.PerCompany > 0 && c.Running[line.Company]+ofCompany >= c.PerCompany ||
		c.PerHost > 0 && c.Hosts[line.Host]+ofHost >= c.PerHost ||
		c.Left != nil && ofLine >= c.Left(line)
}

// SigningKey is one key that a user's callbacks are signed with.
type SigningKey struct {
	Key      []byte    `json:"key"`                // 24 to 64 bytes
	NotAfter time.Time `json:"not_after,omitzero"` // zero: for good; else it signs until then, beside its successor
	Shown    bool      `json:"shown,omitempty"`    // somebody was given it: it is not shown again
}

// WithNewest returns the keys of a user with a new one in front, and lets the others sign until notAfter at the latest. It changes keys.
func WithNewest(keys []SigningKey, newest SigningKey, notAfter time.Time) ([]SigningKey, error) {
	if len(newest.Key) < 24 || len(newest.Key) > 64 {
		return nil, errors.New("a signing key has from 24 to 64 bytes")
	}
	for i := range keys {
		if keys[i].NotAfter.IsZero() || keys[i].NotAfter.After(notAfter) {
			keys[i].NotAfter = notAfter.UTC()
		}
	}
	return append([]SigningKey{newest}, keys...), nil
}

// Errors that a [Store] returns, to be tested with errors.Is.
var (
	// ErrNotFound says that there is no such delivery.
	ErrNotFound = errors.New("delivery not found")

	// ErrLost says that the delivery is not pending with this attempt any more.
	ErrLost = errors.New("the delivery has ended or was taken over")

	// ErrPending says that a delivery has not ended, so that it cannot be replayed.
	ErrPending = errors.New("the delivery is pending")

	// ErrShown says that a secret was shown already.
	ErrShown = errors.New("the secret was shown when it was made and is not shown again")
)

// Store keeps deliveries and signing keys. What job.Store says of durability, transactions, errors of the store itself
// and copies holds here too. Deliveries are made by job.Store.Finish and removed, with their jobs, by job.Store.Sweep.
type Store interface {
	// ClaimDeliveries gives the caller as many pending deliveries whose NextAttempt is not after now as there is capacity for.
	// Each has its Attempt raised by one and its NextAttempt set to until: if the caller dies, it is due again then. What
	// capacity.Held names is not given away: when it is due again, its NextAttempt is set to until.
	//
	// The order is fair among companies and hosts. The next delivery is one of the company of which the fewest run; a
	// company's hosts take turns, and those of one host come in the order in which they were due. A company or host for
	// which there is no capacity is passed over.
	//
	// When it returns none, next is when one will be due by the passing of time alone; zero: never.
	ClaimDeliveries(ctx context.Context, now, until time.Time, capacity Capacity) (due []Delivery, next time.Time, err error)

	// SettleDelivery stores what came of an attempt: State, NextAttempt, Forgiven, EndedAt and Log of d. It returns
	// ErrLost when the stored delivery is not pending with d.Attempt, and ErrNotFound when there is none.
	// Repeating it after it has ended the delivery in the same state returns nil and changes nothing.
	SettleDelivery(ctx context.Context, d Delivery) error

	// ReplayDelivery makes a delivery that has ended pending again, due at now and with the whole schedule before it. It
	// keeps its log and its message ID. One that has not ended gives ErrPending, an unknown one ErrNotFound.
	ReplayDelivery(ctx context.Context, id job.ID, now time.Time) (Delivery, error)

	// ListDeliveries returns at most limit deliveries in this state (empty: in any), of jobs after this one, in the order
	// of their jobs. The zero ID begins at the first.
	ListDeliveries(ctx context.Context, state State, after job.ID, limit int) ([]Delivery, error)

	// SigningKeys returns the keys of a user, newest first and at least one; keys that ended at or before now are left
	// out. If there is none, generate makes it; of callers at the same time one decides, and all get the same.
	SigningKeys(ctx context.Context, company, user string, now time.Time, generate func() ([]byte, error)) ([]SigningKey, error)

	// ShowSigningKey returns the newest key of SigningKeys and marks it as shown; one that is gives ErrShown. Of callers at
	// the same time one gets it.
	ShowSigningKey(ctx context.Context, company, user string, now time.Time, generate func() ([]byte, error)) (SigningKey, error)

	// AddSigningKey makes key, which its caller shows, the user's newest one; those that there are now sign until notAfter at the latest. Keys that
	// ended at or before now are removed.
	AddSigningKey(ctx context.Context, company, user string, key []byte, now, notAfter time.Time) error
}
