package admission

import (
	"context"
	"errors"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/tracing"
	"github.com/solucao42/caddy-data-api/source"
)

// Admit puts a gate in front of a source: a run takes a place for its company before it begins, and holds it until its
// last row has been taken, so that a slow reader counts. Before a source that does not say how much it runs at once
// ([source.Bounded]) nobody waits. The capacity of the options is the source's, and follows it.
//
// Where the time of a run goes is noted in its [observe.Timing], and shown in spans below the one of its context.
//
// How runs end is counted: see [Source.Load].
func Admit(s source.Source, options Options) *Source {
	admitted := &Source{Source: s}
	if named, ok := s.(source.Named); ok {
		admitted.system = named.SystemName()
	}
	bounded, ok := s.(source.Bounded)
	if !ok {
		return admitted
	}
	options.Capacity = max(1, bounded.Capacity())
	admitted.gate = New(options)
	if resizing, ok := s.(source.Resizing); ok {
		resizing.OnResize(admitted.gate.SetCapacity)
	}
	return admitted
}

// Source is a source whose callers are admitted, and whose failures are counted.
type Source struct {
	source.Source
	gate     *Gate  // nil: nobody waits
	system   string // the kind of database
	failures failures
}

// Compile implements [source.Source].
func (s *Source) Compile(statement source.Statement) (source.Query, error) {
	query, err := s.Source.Compile(statement)
	if err != nil {
		return nil, err
	}
	return &gatedQuery{query, s.gate, tracing.Query{System: s.system, Name: statement.Name}, &s.failures}, nil
}

// Waiting returns how many calls of each company wait for a place. Companies that have been there lately are in it with 0.
func (s *Source) Waiting() map[string]int {
	if s.gate == nil {
		return nil
	}
	return s.gate.waitingByCompany()
}

type gatedQuery struct {
	source.Query
	gate  *Gate
	spans tracing.Query

	failures *failures // of the source
}

// Run implements [source.Query].
func (q *gatedQuery) Run(ctx context.Context, call source.Call, sink source.Sink) (err error) {
	defer func() { q.failures.note(err) }()
	begun, timing := time.Now(), observe.TimingOf(ctx)
	traced := q.trace(ctx, sink)
	if traced != nil {
		sink = traced
	}
	entered := begun
	if q.gate != nil {
		pass, err := q.gate.Enter(ctx, call.Claims.Company)
		entered = time.Now()
		timing.Note(entered.Sub(begun), 0)
		traced.waited(ctx, begun, entered, err)
		if err != nil {
			return timedOut(err)
		}
		defer pass.Leave() // deferred, because a sink may panic
	}
	err = q.Query.Run(traced.begin(ctx, entered), call, sink)
	timing.Note(entered.Sub(begun), time.Since(entered))
	traced.end(err)
	return err
}

// Explain implements [source.Explainer], for a query that does. It takes a place for its company, as a run does.
func (q *gatedQuery) Explain(ctx context.Context, call source.Call) (string, error) {
	explainer, ok := q.Query.(source.Explainer)
	if !ok {
		return "", errors.ErrUnsupported
	}
	if q.gate != nil {
		pass, err := q.gate.Enter(ctx, call.Claims.Company)
		if err != nil {
			return "", timedOut(err)
		}
		defer pass.Leave()
	}
	return explainer.Explain(ctx, call)
}

// Describe is that of a source that is a [source.Describer], for a company, whose place it takes as a run does. Of another source it fails
// with errors.ErrUnsupported.
func (s *Source) Describe(ctx context.Context, company string, maxTables, maxColumns int) (source.Schema, error) {
	describer, ok := s.Source.(source.Describer)
	if !ok {
		return source.Schema{}, errors.ErrUnsupported
	}
	if s.gate != nil {
		pass, err := s.gate.Enter(ctx, company)
		if err != nil {
			return source.Schema{}, timedOut(err)
		}
		defer pass.Leave()
	}
	return describer.Describe(ctx, maxTables, maxColumns)
}

// timedOut says that the time was over while a run waited, if it was that.
func timedOut(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return dataapi.Wrap(dataapi.CodeExecutionTimeout, err)
	}
	return err
}
