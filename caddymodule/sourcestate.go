package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// sourceAnswer is how long a source has to answer when it is asked for a sign of life.
const sourceAnswer = 4 * time.Second

// ask asks the source for a sign of life, and remembers one.
func (p *pooledSource) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sourceAnswer)
	defer cancel()
	err := p.ping(ctx)
	switch {
	case dataapi.HasCode(err, dataapi.CodeSourceUnavailable):
		return cmp.Or(errors.Unwrap(dataapi.AsError(err)), err) // without the code, which is for callers
	case dataapi.HasCode(err, dataapi.CodeExecutionTimeout), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %s", sourceAnswer)
	case errors.Is(err, context.Canceled):
		return err
	}
	p.answered.Store(true) // also when it is too busy, or finds fault with the statement
	return nil
}

// ping asks in the source's own way, or with a statement. A source that cannot read that is not asked.
func (p *pooledSource) ping(ctx context.Context) error {
	if p.pinger != nil {
		return p.pinger.Ping(ctx)
	}
	query, err := p.Compile(source.Statement{SQL: "SELECT 1 AS one", MaxRows: 1})
	if err == nil {
		_, err = query.Check(ctx)
	}
	return err
}

// askSources asks all sources at once. It blocks for sourceAnswer at most.
func (a *App) askSources(ctx context.Context) []admin.SourceState {
	states := make([]admin.SourceState, 0, len(a.pooled))
	for _, name := range slices.Sorted(maps.Keys(a.pooled)) {
		states = append(states, admin.SourceState{Source: name, State: admin.SourceAnswers, ConfiguredAt: a.pooled[name].configured})
	}
	var all sync.WaitGroup
	for i := range states {
		state := &states[i]
		pooled := a.pooled[state.Source]
		all.Go(func() {
			err := pooled.ask(ctx)
			if err == nil {
				return
			}
			state.State, state.Error = admin.SourceSilent, err.Error()
			if !pooled.answered.Load() {
				state.State = admin.SourceUnproven
			}
		})
	}
	all.Wait()
	return states
}

// tellUnproven logs which sources have never answered, since their settings may be wrong: a configuration is accepted
// although a database is down. It returns at once.
func (a *App) tellUnproven() {
	if !a.generation.Enter() {
		return
	}
	go func() {
		defer a.generation.Leave()
		for _, state := range a.askSources(a.ending) {
			if state.State == admin.SourceUnproven && a.ending.Err() == nil {
				a.log.Warn("a source has never answered since it was configured: its endpoints answer 503 until it does",
					slog.String("source", state.Source), slog.String("error", state.Error))
			}
		}
	}()
}
