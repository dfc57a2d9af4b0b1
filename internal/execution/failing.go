package execution

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
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

// trouble is what is remembered of the runs of one revision of an endpoint; nil: the last one succeeded.
type trouble struct{ atomic.Pointer[Failing] }

// Troubles remember how the last runs of endpoints have failed, for as long as any configuration has a query of them: a reload does
// not forget. They are safe for concurrent use.
type Troubles struct {
	mu    sync.Mutex
	known map[troubled]weak.Pointer[trouble]
}

// troubled identifies what may fail: a revision of an endpoint, on a source. A source whose settings have changed is another one.
type troubled struct {
	address  dataapi.Address
	revision string
	source   source.Source
}

// NewTroubles returns troubles that know of none.
func NewTroubles() *Troubles { return &Troubles{known: make(map[troubled]weak.Pointer[trouble])} }

// of returns what is remembered of an endpoint. It is shared by all queries of its revision.
func (t *Troubles) of(endpoint *catalog.Endpoint, on source.Source) *trouble {
	if t == nil {
		return new(trouble)
	}
	what := troubled{endpoint.Address, endpoint.Revision, on}
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.known[what].Value(); known != nil {
		return known
	}
	made := new(trouble)
	t.known[what] = weak.Make(made)
	runtime.AddCleanup(made, t.forget, what)
	return made
}

// forget drops what no query refers to any more.
func (t *Troubles) forget(what troubled) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known[what].Value() == nil { // else it was made again meanwhile
		delete(t.known, what)
	}
}

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
