package admission

import (
	"context"
	"errors"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/source"
)

// Admit puts a gate in front of a source: a run takes a place for its company before it begins, and holds it until its
// last row has been taken, so that a slow reader counts. A source that does not say how much it runs at once
// ([source.Bounded]) is returned as it is. The capacity of the options is the source's, and follows it.
func Admit(s source.Source, options Options) source.Source {
	bounded, ok := s.(source.Bounded)
	if !ok {
		return s
	}
	options.Capacity = max(1, bounded.Capacity())
	gate := New(options)
	if resizing, ok := s.(source.Resizing); ok {
		resizing.OnResize(gate.SetCapacity)
	}
	return &gated{Source: s, gate: gate}
}

type gated struct {
	source.Source
	gate *Gate
}

// Compile implements [source.Source].
func (g *gated) Compile(statement source.Statement) (source.Query, error) {
	query, err := g.Source.Compile(statement)
	if err != nil {
		return nil, err
	}
	shared, _ := query.(source.Shared)
	return &gatedQuery{query, shared, g.gate}, nil
}

type gatedQuery struct {
	source.Query
	shared source.Shared // the query itself, or nil
	gate   *Gate
}

// Run implements [source.Query].
func (q *gatedQuery) Run(ctx context.Context, call source.Call, sink source.Sink) error {
	begun, timing := time.Now(), observe.TimingOf(ctx)
	if q.shared != nil {
		if done, err := q.shared.Share(ctx, call, sink); done {
			timing.Note(0, time.Since(begun))
			return err
		}
	}
	pass, err := q.gate.Enter(ctx, call.Claims.Company)
	entered := time.Now()
	timing.Note(entered.Sub(begun), 0)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return dataapi.Wrap(dataapi.CodeExecutionTimeout, err)
		}
		return err
	}
	defer pass.Leave() // deferred, because a sink may panic
	err = q.Query.Run(ctx, call, sink)
	timing.Note(entered.Sub(begun), time.Since(entered))
	return err
}
