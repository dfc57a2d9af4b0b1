package catalog

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source"
)

// CheckFunc asks an endpoint's source whether it accepts the statement. A *source.StatementError is a fault at its
// offset. dataapi.CodeSourceUnavailable, dataapi.CodeOverloaded and the end of ctx mean that nobody could be asked: an
// endpoint whose checked revision is live keeps that, a new one is taken unchecked, and the source is asked again soon.
// [ErrNotYet] means the same without any haste. Every other error is a fault of the endpoint's source key; its text is
// for the author. It is called from several goroutines at once, also for files that have faults of their own.
type CheckFunc func(ctx context.Context, endpoint *Endpoint) error

// ErrNotYet is what a [CheckFunc] returns, or wraps, while sources are not to be asked: the next Reload asks them.
var ErrNotYet = errors.New("sources are not asked yet")

const (
	checkTimeout  = 5 * time.Second // for one endpoint
	checkParallel = 4
)

// inquiry is one round of asking sources.
type inquiry struct {
	*state
	previous *state
	mu       sync.Mutex
	silent   map[string]bool // sources that could not be asked once: they are not asked again in this round
}

// check asks about every endpoint that was not live and checked before, and takes back those that are at fault. It asks
// about files with other faults too, so that their authors see all faults at once.
func (s *state) check(ctx context.Context, check CheckFunc, previous *state) {
	round := inquiry{state: s, previous: previous, silent: make(map[string]bool)}
	var group errgroup.Group
	group.SetLimit(checkParallel)
	for _, endpoint := range s.toAsk(previous) {
		s.asked[endpoint] = true
		group.Go(func() error {
			var err error
			skip := round.isSilent(endpoint.Source)
			if !skip {
				err = checkOne(ctx, check, endpoint)
			}
			round.settle(endpoint, skip, err)
			return nil
		})
	}
	_ = group.Wait() // the functions return no error
}

func (q *inquiry) isSilent(source string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.silent[source]
}

// settle takes a source's answer in.
func (q *inquiry) settle(endpoint *Endpoint, skipped bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	draft := q.live.endpoints[endpoint.File] != endpoint
	switch {
	case skipped || unreachable(err):
		q.silent[endpoint.Source] = true
		if err != nil && !errors.Is(err, ErrNotYet) {
			q.down[endpoint.Source] = reason(err)
		}
		if !draft {
			q.postpone(endpoint, q.previous)
		}
	case err != nil:
		q.addFault(checkFault(endpoint, err))
		if !draft {
			q.refuse(endpoint, q.previous)
		}
	}
}

// addFault adds a fault of a statement, unless reading the file found one at that place already: both look for parameters
// that are not declared, for example, in different words.
func (s *state) addFault(fault Fault) {
	for _, known := range s.faults {
		if known.File == fault.File && known.Line == fault.Line && known.Column == fault.Column {
			return
		}
	}
	s.faults = append(s.faults, fault)
}

// toAsk lists the endpoints that are new, changed, or live without having been checked, and the files that are at fault
// and yet say enough to be asked about.
func (s *state) toAsk(previous *state) []*Endpoint {
	var endpoints []*Endpoint
	for _, file := range sortedKeys(s.live.endpoints) {
		endpoint := s.live.endpoints[file]
		if previous.live.endpoints[file] != endpoint || previous.unchecked[endpoint] {
			endpoints = append(endpoints, endpoint)
		}
	}
	for _, file := range sortedKeys(s.live.read) {
		if draft := s.live.read[file]; !draft.sound && draft.endpoint != nil && draft.endpoint.places.askable {
			endpoints = append(endpoints, draft.endpoint)
		}
	}
	return endpoints
}

func checkOne(ctx context.Context, check CheckFunc, endpoint *Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return check(ctx, endpoint)
}

func unreachable(err error) bool {
	return dataapi.HasCode(err, dataapi.CodeSourceUnavailable) || dataapi.HasCode(err, dataapi.CodeExecutionInterrupted) ||
		dataapi.HasCode(err, dataapi.CodeOverloaded) ||
		errors.Is(err, ErrNotYet) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// reason is why a source could not be asked, without the code that callers get: it says unavailable of a refusal too.
func reason(err error) error {
	if known, ok := errors.AsType[*dataapi.Error](err); ok && known.Err != nil {
		return known.Err
	}
	return err
}

func checkFault(endpoint *Endpoint, err error) Fault {
	at, message := endpoint.places.source, err.Error()
	if statement, ok := errors.AsType[*source.StatementError](err); ok {
		line, column := endpoint.Position(statement.Offset)
		at, message = place{line, column}, statement.Message
	}
	return Fault{File: endpoint.File, Line: at.line, Column: at.column, Message: message}
}

// refuse takes an endpoint back that its source does not accept. One that was live unchecked never was good: it goes.
func (s *state) refuse(endpoint *Endpoint, previous *state) {
	before := previous.live.endpoints[endpoint.File]
	if before == nil || before == endpoint {
		delete(s.live.endpoints, endpoint.File)
		return
	}
	s.live.endpoints[endpoint.File] = before
}

// postpone decides about an endpoint whose source cannot be asked. A checked revision that is live stays: it may run again
// before the new one can be judged, and would be lost if the new one turned out to be wrong. What needs no judgement
// is taken at once: an endpoint that was switched off, and a change beside the statement, such as a share taken back.
func (s *state) postpone(endpoint *Endpoint, previous *state) {
	before := previous.live.endpoints[endpoint.File]
	checked := before != nil && before != endpoint && !previous.unchecked[before]
	switch {
	case checked && sameStatement(before, endpoint):
	case checked && endpoint.Active:
		s.live.endpoints[endpoint.File] = before
		s.waiting[endpoint.File] = true
	default:
		s.unchecked[endpoint] = true
	}
}

// sameStatement reports whether a source that accepts one of the endpoints accepts the other.
func sameStatement(a, b *Endpoint) bool {
	return a.Source == b.Source && a.Statement.SQL == b.Statement.SQL &&
		reflect.DeepEqual(a.Statement.Params, b.Statement.Params) && maps.EqualFunc(a.Statement.Columns, b.Statement.Columns,
		func(one, other result.ColumnSpec) bool { return reflect.DeepEqual(one, other) })
}

// pending lists what waits for a source that cannot be asked.
func (s *state) pending() Faults {
	var list Faults
	add := func(endpoint *Endpoint, effect string) {
		if s.down[endpoint.Source] == nil {
			return // nobody has tried
		}
		at := cmp.Or(endpoint.places.source, place{1, 1})
		list = append(list, Fault{endpoint.File, at.line, at.column,
			"source " + endpoint.Source + " cannot be asked about the statement, so it is unchecked", effect})
	}
	for file := range s.waiting {
		if read := s.live.read[file]; read != nil && read.endpoint != nil {
			add(read.endpoint, effectWaiting)
		}
	}
	for endpoint := range s.unchecked {
		if s.live.endpoints[endpoint.File] == endpoint {
			add(endpoint, effectUnchecked)
		}
	}
	return list.sorted()
}
