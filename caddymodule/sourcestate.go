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

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// sourceAnswer is how long a source has to answer when it is asked for a sign of life.
const sourceAnswer = 4 * time.Second

// What a source can be found to be.
const (
	sourceAnswers  = "answers"
	sourceSilent   = "unavailable"
	sourceUnproven = "never_answered" // since it was configured: its settings may be wrong
)

// sourceState is what is told of one source.
type sourceState struct {
	Source       string    `json:"source"`
	State        string    `json:"state"`
	ConfiguredAt time.Time `json:"configured_at"`
	Error        string    `json:"error,omitempty"`
}

// String says it to whoever runs the server.
func (s sourceState) String() string {
	switch s.State {
	case sourceAnswers:
		return s.Source + ": answers"
	case sourceUnproven:
		return fmt.Sprintf("%s: has never answered since it was configured at %s: %s", s.Source, s.ConfiguredAt.Format(time.RFC3339), s.Error)
	default:
		return s.Source + ": does not answer: " + s.Error
	}
}

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
func (a *App) askSources(ctx context.Context) []sourceState {
	states := make([]sourceState, 0, len(a.pooled))
	for _, name := range slices.Sorted(maps.Keys(a.pooled)) {
		states = append(states, sourceState{Source: name, State: sourceAnswers, ConfiguredAt: a.pooled[name].configured})
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
			state.State, state.Error = sourceSilent, err.Error()
			if !pooled.answered.Load() {
				state.State = sourceUnproven
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
			if state.State == sourceUnproven && a.ending.Err() == nil {
				a.log.Warn("a source has never answered since it was configured: its endpoints answer 503 until it does",
					slog.String("source", state.Source), slog.String("error", state.Error))
			}
		}
	}()
}
