package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// CheckFunc asks an endpoint's source whether it accepts the statement, and returns the columns of its result; nil: they
// are not known. A *source.StatementError is a diagnostic at its offset. dataapi.CodeSourceUnavailable,
// dataapi.CodeExecutionInterrupted, dataapi.CodeOverloaded, dataapi.CodeExecutionTimeout and the end of ctx mean that the
// source has not judged the statement: an endpoint whose checked revision is live keeps that, a new one is taken unchecked, and
// the source is asked again soon. [ErrNotYet] means the same without any haste. Every other error is a diagnostic at the
// endpoint's source key; its text is for the author. It is called from several goroutines at once, also for files that have
// diagnostics of their own, and again for endpoints of which [Catalog.Doubt] was told.
type CheckFunc func(ctx context.Context, endpoint *Endpoint) ([]source.Column, error)

// Recollection is what is remembered of a statement that a source has accepted.
type Recollection struct {
	Columns []source.Column // of the result, as a [CheckFunc] has returned them
	Stale   bool            // the source's schema may have changed since
}

// ErrNotYet is what a [CheckFunc] returns, or wraps, while sources are not to be asked: the next Reload asks them.
var ErrNotYet = errors.New("sources are not asked yet")

// quickPart is the part of Options.CheckTimeout in which most statements are judged: they take milliseconds. One that is not
// is set aside, so that others need not wait for it, and asked about again with the whole time. What takes longer than
// that is the statement's own fault: the database works parts of a statement out while it plans it.
const quickPart = 5

// slowAgain is how long it is taken for true that a statement is too slow.
const slowAgain = 10 * time.Minute

// How many statements are asked about at once: on a source, on a source of those that are slow, and of one company, which
// leaves a place to others.
const (
	quickParallel   = 4
	slowParallel    = 1
	draftsParallel  = 2
	companyParallel = 3
)

// manyStatements is from how many statements of a company on their checks use what the source's version has told: a check of a few
// makes ready what runs next.
const manyStatements = 10

// verdict is what a source says of a statement. It is immutable.
type verdict struct {
	kind    verdictKind
	reason  error           // of refused: the fault, nil when the columns are at fault; why the source could not be asked, nil: nobody tried
	columns []source.Column // as the source has described them the last time; nil: not known
	told    []source.Column // as they were when the source first accepted the statement
	aside   bool            // it needs longer, and is being asked about in the background
	slow    time.Time       // when it was refused since it took too long; zero: it was not
	doubted bool            // a run has met something else: the source is to be asked again
	failure error           // what a run met that the source does not refuse when it is asked; nil: nothing
}

type verdictKind uint8

const (
	undecided verdictKind = iota
	unanswered
	accepted
	refused
)

// faults says what is wrong with a statement.
func (v *verdict) faults(endpoint *Endpoint) Diagnostics {
	switch {
	case v.kind == refused && v.reason == nil:
		return columnFaults(endpoint, v.columns)
	case v.kind == refused:
		return Diagnostics{checkFault(endpoint, v.reason)}
	case v.kind == accepted && v.failure != nil && !v.doubted:
		fault := checkFault(endpoint, v.failure)
		fault.Message = "the source accepts the statement, and it fails when it runs: " + fault.Message
		return Diagnostics{fault}
	default:
		return nil
	}
}

// warnings says what is doubtful about a statement that its source accepts.
func (v *verdict) warnings(endpoint *Endpoint) Diagnostics {
	if v.kind != accepted || SameColumns(v.told, v.columns) {
		return nil
	}
	at := endpoint.Places.Statement
	return Diagnostics{{
		File: endpoint.File, Line: at.Line, Column: at.Column,
		Message: "the result has other columns than when the endpoint was published: " + difference(v.told, v.columns),
		Effect:  "callers get them, and are told so in the list of endpoints and in OpenAPI",
	}}
}

// columnFaults reports columns that are declared or drawn and that the result does not have.
func columnFaults(e *Endpoint, columns []source.Column) (faults Diagnostics) {
	if columns == nil {
		return nil
	}
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.Name
	}
	for _, declared := range sortedKeys(e.Statement.Columns) {
		if !slices.Contains(names, declared) {
			at, _ := e.Places.Columns.At(declared)
			fault := Diagnostic{File: e.File, Line: at.Line, Column: at.Column,
				Message: fmt.Sprintf("columns: the result has no column %q%s", dataapi.Echo(declared), document.Alternatives(declared, names))}
			faults = append(faults, fault.WithAllowed(names))
		}
	}
	return append(faults, e.ChartFaults(columns)...)
}

// otherOrder is the difference of columns that have the same names and types.
const otherOrder = "their order or their digits are others"

// difference says what has become of columns.
func difference(before, now []source.Column) string {
	types := func(columns []source.Column) map[string]source.Type {
		by := make(map[string]source.Type, len(columns))
		for _, column := range columns {
			by[column.Name] = column.Type
		}
		return by
	}
	was, is := types(before), types(now)
	var changes []string
	for _, column := range before {
		switch t, ok := is[column.Name]; {
		case !ok:
			changes = append(changes, fmt.Sprintf("%s is gone", column.Name))
		case t != column.Type:
			changes = append(changes, fmt.Sprintf("%s is %s and was %s", column.Name, t, column.Type))
		}
	}
	for _, column := range now {
		if _, ok := was[column.Name]; !ok {
			changes = append(changes, fmt.Sprintf("%s (%s) is new", column.Name, column.Type))
		}
	}
	if len(changes) == 0 {
		return otherOrder
	}
	return strings.Join(changes, ", ")
}

// SameColumns reports whether two descriptions of a result's columns say the same. A type that is not known, since only the
// rows tell it, is the same as every other.
func SameColumns(a, b []source.Column) bool {
	return slices.EqualFunc(a, b, func(one, other source.Column) bool {
		if one.Type == "" || other.Type == "" {
			return one.Name == other.Name
		}
		return one == other
	})
}

// checkSlots are the places in which a source is asked.
type checkSlots struct {
	quick, slow chan struct{}
	drafts      chan struct{} // of those who wait for an answer while they write

	mu     sync.Mutex
	heard  uint64    // how often the source has answered
	reason error     // why it is not asked
	until  time.Time // for how long it is not
}

func newCheckSlots() *checkSlots {
	return &checkSlots{quick: make(chan struct{}, quickParallel), slow: make(chan struct{}, slowParallel),
		drafts: make(chan struct{}, draftsParallel)}
}

func (l *checkSlots) hear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard++
	l.reason = nil
}

func (l *checkSlots) answers() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard
}

// rest lets nobody ask for a while, unless the source has answered since somebody has counted its answers: then it is
// only the statement that takes long.
func (l *checkSlots) rest(since uint64, reason error, pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heard == since {
		l.reason, l.until = reason, time.Now().Add(pause)
	}
}

// silent returns why the source is not asked, or nil.
func (l *checkSlots) silent() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reason != nil && time.Now().Before(l.until) {
		return l.reason
	}
	return nil
}

// slotsOf returns the places of a source.
func (c *Catalog) slotsOf(source string) *checkSlots {
	c.slotsMu.Lock()
	defer c.slotsMu.Unlock()
	if c.slots[source] == nil {
		c.slots[source] = newCheckSlots()
	}
	return c.slots[source]
}

// answer is what a source has said of a statement.
type answer struct {
	columns []source.Column
	err     error
	rests   bool   // it was not asked, since it had not answered others; err says why
	since   uint64 // how often it had answered when it was asked
}

// askOnce asks within a time limit, when its turn has come. A source that rests then is not asked quickly.
func (c *Catalog) askOnce(ctx context.Context, endpoint *Endpoint, l *checkSlots, turn chan struct{}, limit time.Duration) (a answer) {
	select {
	case turn <- struct{}{}:
	case <-c.ctx.Done():
		return answer{err: c.ctx.Err()}
	}
	defer func() { <-turn }()
	if reason := l.silent(); reason != nil && turn == l.quick {
		return answer{err: reason, rests: true}
	}
	a.since = l.answers()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if a.columns, a.err = c.options.Check(ctx, endpoint); alive(a.err) {
		l.hear()
	}
	return a
}

// inquiry is one round of asking sources about the statements of a company.
type inquiry struct {
	*Catalog
	began    time.Time // before the sources were asked for their versions
	many     bool      // statements
	mu       sync.Mutex
	verdicts map[*Endpoint]*verdict
	silent   map[string]silence // sources that could not be asked once in this round: they are not asked again in it
}

// inquire finds out what the sources say of the statements of a company, and publishes it. What they have accepted before is
// taken from memory. What they accepted under another schema is waited for, but not for long.
func (c *Catalog) inquire(asked []inquired) {
	began := time.Now()
	verdicts, unknown, stale := c.recall(asked)
	judged := make(chan struct{})
	if len(stale) == 0 {
		close(judged)
	} else {
		c.background(func() {
			defer close(judged)
			answers := c.ask(stale, began)
			c.publish(func(g *ground) { g.decide(answers) })
		})
	}
	maps.Copy(verdicts, c.ask(unknown, began))
	patience := time.NewTimer(c.options.StaleWait)
	defer patience.Stop()
	select {
	case <-judged:
	case <-c.ctx.Done():
	case <-patience.C:
		for _, endpoint := range stale {
			verdicts[endpoint] = &verdict{kind: unanswered, aside: true}
		}
	}
	if len(verdicts) > 0 {
		c.publish(func(g *ground) { g.decideFirst(verdicts) })
	}
}

// recall divides statements into those that their sources have accepted, those of which nothing is known, and those that were
// accepted under another schema.
func (c *Catalog) recall(asked []inquired) (verdicts map[*Endpoint]*verdict, unknown, stale []*Endpoint) {
	verdicts = make(map[*Endpoint]*verdict)
	var known map[*Endpoint]Recollection
	if c.options.Recall != nil {
		var trusted []*Endpoint
		for _, one := range asked {
			if !one.doubted {
				trusted = append(trusted, one.endpoint)
			}
		}
		known = c.options.Recall(c.ctx, trusted)
	}
	for _, one := range asked {
		switch found, ok := known[one.endpoint]; {
		case !ok:
			unknown = append(unknown, one.endpoint)
		case found.Stale:
			stale = append(stale, one.endpoint)
		default:
			verdicts[one.endpoint] = judge(one.endpoint, found.Columns, nil)
		}
	}
	return verdicts, unknown, stale
}

// ask asks about statements of a company, each for a short time, and returns what the sources say. Those that need longer are
// asked about in the background.
func (c *Catalog) ask(endpoints []*Endpoint, began time.Time) map[*Endpoint]*verdict {
	round := inquiry{Catalog: c, began: began, many: len(endpoints) >= manyStatements, verdicts: make(map[*Endpoint]*verdict), silent: make(map[string]silence)}
	var group errgroup.Group
	group.SetLimit(companyParallel)
	for _, endpoint := range endpoints {
		group.Go(func() error {
			round.askQuickly(endpoint)
			return nil
		})
	}
	_ = group.Wait() // the functions return no error
	return round.verdicts
}

func (q *inquiry) askQuickly(endpoint *Endpoint) {
	if reason := q.isSilent(endpoint.Source); reason != nil {
		q.record(endpoint, reason.verdict())
		return
	}
	slots := q.slotsOf(endpoint.Source)
	ctx := q.ctx
	if q.many {
		ctx = source.WithVersionSince(ctx, q.began)
	}
	a := q.askOnce(ctx, endpoint, slots, slots.quick, q.options.CheckTimeout/quickPart)
	switch answered := judge(endpoint, a.columns, a.err); {
	case answered.kind != unanswered:
		q.record(endpoint, answered)
	case timedOut(a.err) && !a.rests:
		slots.rest(a.since, a.err, q.options.CheckTimeout)
		q.amend(func(g *ground) { g.decide(map[*Endpoint]*verdict{endpoint: {kind: undecided, aside: true}}) })
		q.background(func() { q.askSlowly(endpoint, slots) })
	default:
		q.silence(endpoint.Source, silence{answered.reason})
		q.record(endpoint, answered)
	}
}

// silence is why a source could not be asked; nil inside: nobody has tried.
type silence struct{ reason error }

func (s silence) verdict() *verdict { return &verdict{kind: unanswered, reason: s.reason} }

func (q *inquiry) isSilent(source string) *silence {
	q.mu.Lock()
	defer q.mu.Unlock()
	if found, ok := q.silent[source]; ok {
		return &found
	}
	return nil
}

func (q *inquiry) silence(source string, reason silence) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.silent[source] = reason
}

func (q *inquiry) record(endpoint *Endpoint, v *verdict) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.verdicts[endpoint] = v
}

// askSlowly asks about a statement that a source has not judged quickly, and publishes what it says. A source that has
// answered others meanwhile is not to blame.
func (c *Catalog) askSlowly(endpoint *Endpoint, slots *checkSlots) {
	a := c.askOnce(c.ctx, endpoint, slots, slots.slow, c.options.CheckTimeout)
	answered := judge(endpoint, a.columns, a.err)
	if timedOut(a.err) && slots.answers() != a.since {
		answered = &verdict{kind: refused, reason: tooSlow(c.options.CheckTimeout), slow: time.Now()}
	}
	c.publish(func(g *ground) { g.decide(map[*Endpoint]*verdict{endpoint: answered}) })
	if answered.kind != unanswered {
		c.request(endpoint.Company) // what had to wait since the source seemed silent
	}
}

// tooSlow is the diagnostic of a statement that no source judges in time.
func tooSlow(limit time.Duration) error {
	return &source.StatementError{Offset: -1, Message: fmt.Sprintf(
		"the database takes longer than %s to plan the statement; what does not depend on a row is worked out meanwhile", limit)}
}

// alive reports that the source has answered, if to say that it needs longer.
func alive(err error) bool {
	return err == nil || errors.Is(err, source.ErrPlanning) || !unreachable(err) && !errors.Is(err, ErrNotYet)
}

// judge makes a verdict of a source's answer.
func judge(endpoint *Endpoint, columns []source.Column, err error) *verdict {
	switch {
	case err == nil && len(columnFaults(endpoint, columns)) > 0:
		return &verdict{kind: refused, columns: columns}
	case err == nil:
		return &verdict{kind: accepted, columns: columns, told: columns}
	case errors.Is(err, ErrNotYet):
		return &verdict{kind: unanswered}
	case unreachable(err):
		return &verdict{kind: unanswered, reason: reason(err)}
	default:
		return &verdict{kind: refused, reason: err}
	}
}

func unreachable(err error) bool {
	return dataapi.HasCode(err, dataapi.CodeSourceUnavailable) || dataapi.HasCode(err, dataapi.CodeExecutionInterrupted) ||
		dataapi.HasCode(err, dataapi.CodeOverloaded) || timedOut(err) || errors.Is(err, context.Canceled)
}

// timedOut reports that the source has not answered in time.
func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || dataapi.HasCode(err, dataapi.CodeExecutionTimeout)
}

// reason is why a source could not be asked, without the code that callers get: it says unavailable of a refusal too.
func reason(err error) error {
	if known, ok := errors.AsType[*dataapi.Error](err); ok && known.Err != nil {
		return known.Err
	}
	return err
}

func checkFault(endpoint *Endpoint, err error) Diagnostic {
	at, message := endpoint.Places.Source, err.Error()
	if statement, ok := errors.AsType[*source.StatementError](err); ok {
		line, column := endpoint.Position(statement.Offset)
		at, message = document.Place{Line: line, Column: column}, statement.Message
	}
	return Diagnostic{File: endpoint.File, Line: at.Line, Column: at.Column, Message: message}
}
