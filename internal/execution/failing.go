package execution

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Failing is an endpoint whose last run failed for a reason of its own: its statement does something wrong, or takes too long.
type Failing struct {
	Address  dataapi.Address
	Revision string
	Since    time.Time // of the first of the runs that failed, one after the other
	Last     time.Time
	Failures int // since then
	Code     dataapi.Code
	Error    string // of the last one, without the values of sensitive parameters
}

// trouble is what checkedQuery remembers of runs that fail; nil: the last one succeeded.
type trouble = atomic.Pointer[Failing]

// noteRun remembers how a run has ended. One that succeeds costs one look. What is the caller's fault, or the source's, says
// nothing of the endpoint.
func (b *Bound) noteRun(err error) {
	q := b.query
	if err == nil {
		if q.trouble.Load() != nil {
			q.trouble.Store(nil)
		}
		return
	}
	known, ok := errors.AsType[*dataapi.Error](err)
	if !ok || known.Code != dataapi.CodeInternal && known.Code != dataapi.CodeExecutionTimeout {
		return
	}
	now := time.Now()
	next := Failing{Address: b.Endpoint.Address, Revision: b.Endpoint.Revision, Since: now, Last: now, Failures: 1, Code: known.Code, Error: err.Error()}
	if before := q.trouble.Load(); before != nil {
		next.Since, next.Failures = before.Since, before.Failures+1
	}
	q.trouble.Store(&next) // of two at once, one may not count
}

// Failing returns the endpoints that fail, the ones that failed last first.
func (p *Plan) Failing() (all []Failing) {
	for _, query := range p.queries {
		if found := query.trouble.Load(); found != nil {
			all = append(all, *found)
		}
	}
	slices.SortFunc(all, func(a, b Failing) int { return b.Last.Compare(a.Last) })
	return all
}
