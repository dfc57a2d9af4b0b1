package usage

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/quota"
)

// Holder says whose usage a quota bounds.
type Holder string

// The holders.
const (
	OfCompany Holder = "company" // all calls of its users together
	OfUser    Holder = "user"    // all of its keys together
	OfKey     Holder = "key"     // without a key: those whom a trusted issuer authenticates
)

// Caller is who makes a call, and its quotas. A holder has one quota at most of a unit and a window.
type Caller struct {
	Company, User, KeyID string

	CompanyQuota, UserQuota, KeyQuota []quota.Limit
}

// Notice says that a quota is used up to a part. There is one at 80 % and one at 100 % in each window of a quota;
// the first is left out where one call leads from below the one to the other.
type Notice struct {
	Holder               Holder
	Company, User, KeyID string // the user and the key are empty where the holder is more than that
	Quota                quota.Limit
	Used                 int64
	Percent              int       // 80 or 100
	Until                time.Time // the end of the window
}

// State is how much of a quota is used.
type State struct {
	Holder    Holder
	Quota     quota.Limit
	Window    time.Duration // how long the present one is in all
	Remaining int64         // what is left, without this call when it may be made
	Exceeded  bool          // nothing was left for this call
	Until     time.Time     // the end of the window
	Reset     time.Duration // until then; 1 s at least
}

// QuotasOptions are what quotas work with.
type QuotasOptions struct {
	Logger *slog.Logger
	Now    func() time.Time // nil: time.Now

	// OnQuota is told that a quota is used up to a part. It must not block. Nil: nobody is told.
	OnQuota func(Notice)

	// Shared says that other servers write to the same store: what they have counted is looked up every [FlushEvery].
	Shared bool
}

// Quotas hold callers to their quotas. What a holder has used is read from the counter when it is first asked about, and
// counted in memory from then on. It lives as long as its counter, and is safe for concurrent use.
//
// A call takes its place before it is made, so that callers at the same time do not exceed a quota of calls. How many rows
// it has is known when it has ended: a quota of rows can be exceeded by the calls that run when it is reached.
type Quotas struct {
	counter *Counter
	log     *slog.Logger
	now     func() time.Time
	tell    func(Notice)
	shared  bool

	some     atomic.Bool // there is an account
	mu       sync.RWMutex
	accounts map[holding]*account
}

// holding names a holder.
type holding struct {
	holder               Holder
	company, user, keyID string
}

// NewQuotas returns the quotas over a counter. Where both observe calls, the counter comes first.
func NewQuotas(counter *Counter, options QuotasOptions) *Quotas {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Quotas{
		counter: counter, log: options.Logger, now: options.Now, tell: options.OnQuota, shared: options.Shared,
		accounts: make(map[holding]*account),
	}
}

// Place is a call's place under the quotas of its caller. The zero Place is under none.
type Place struct{ accounts []*account }

// Take takes a place for a call, or, when a quota is used up, takes none. The states are those of all quotas of the caller; ok
// reports whether the call may be made. A place that was taken needs [Place.Done].
//
// The first call of a holder after a start reads from the store, which may take some 100 ms. Where that fails the call is made
// all the same: callers are answered though the store is not.
func (q *Quotas) Take(ctx context.Context, caller Caller) (place Place, states []State, ok bool) {
	if len(caller.CompanyQuota)+len(caller.UserQuota)+len(caller.KeyQuota) == 0 {
		return Place{}, nil, true
	}
	now := q.now()
	ok = true
	for _, held := range [...]struct {
		holding
		limits []quota.Limit
	}{
		{holding{OfCompany, caller.Company, "", ""}, caller.CompanyQuota},
		{holding{OfUser, caller.Company, caller.User, ""}, caller.UserQuota},
		{holding{OfKey, caller.Company, caller.User, caller.KeyID}, caller.KeyQuota},
	} {
		if len(held.limits) == 0 {
			continue
		}
		a := q.open(held.holding)
		var taken bool
		states, taken = a.take(ctx, states, held.limits, now)
		if taken {
			place.accounts = append(place.accounts, a)
		}
		ok = ok && taken
	}
	if !ok {
		place.Done(false)
		return Place{}, states, false
	}
	for i := range states {
		if states[i].Quota.Unit == quota.Calls {
			states[i].Remaining--
		}
	}
	for _, a := range place.accounts {
		a.notify()
	}
	return place, states, true
}

// Done gives a place back, once, unless the call was observed and [Charges]: then it has become one of those that were made.
func (p *Place) Done(charged bool) {
	if charged {
		return
	}
	for _, a := range p.accounts {
		a.leave()
	}
}

// Observe implements [observe.Observer]. It counts calls and rows for the holders that have quotas.
func (q *Quotas) Observe(_ context.Context, call *observe.Call) {
	if !q.some.Load() {
		return
	}
	counts := countsOf(call)
	calls, rows := counts[Charged], counts[Rows]
	if calls == 0 && rows == 0 {
		return
	}
	now := q.now()
	for _, of := range [...]holding{
		{OfCompany, call.Company, "", ""}, {OfUser, call.Company, call.User, ""}, {OfKey, call.Company, call.User, call.KeyID},
	} {
		if a := q.find(of); a != nil {
			a.add(calls, rows, now)
			a.notify()
		}
	}
}

func (q *Quotas) find(of holding) *account {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return q.accounts[of]
}

// open returns the account of a holder, and makes it. None is ever removed: there are as many as API keys that have called.
func (q *Quotas) open(of holding) *account {
	if a := q.find(of); a != nil {
		return a
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.accounts[of]
	if a == nil {
		a = &account{quotas: q, holding: of}
		q.accounts[of] = a
		q.some.Store(true)
	}
	return a
}

var _ observe.Observer = (*Quotas)(nil)
