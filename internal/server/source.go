package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// answerTimeout is how long a source has to answer when it is asked for a sign of life.
const answerTimeout = 4 * time.Second

// Source is a database that configurations share: callers are admitted to it in an order that is fair among companies.
type Source struct {
	source.Source
	dialect    source.Dialect
	configured time.Time   // when it was made
	answered   atomic.Bool // at least once since
}

// NewSource returns a source in front of a database, which it closes. The dialect reads statements for it.
func NewSource(database source.Source, dialect source.Dialect) *Source {
	return &Source{Source: admission.Admit(database, admission.Options{}), dialect: dialect, configured: time.Now()}
}

// What a source can be found to be.
const (
	SourceAnswers  = "answers"
	SourceSilent   = "unavailable"
	SourceUnproven = "never_answered" // since it was configured: its settings may be wrong
)

// SourceState is what is told of one source.
type SourceState struct {
	Source       string    `json:"source"`
	State        string    `json:"state"`
	ConfiguredAt time.Time `json:"configured_at"`
	Error        string    `json:"error,omitempty"`
}

// String says it to whoever runs the server.
func (s SourceState) String() string {
	switch s.State {
	case SourceAnswers:
		return s.Source + ": answers"
	case SourceUnproven:
		return fmt.Sprintf("%s: has never answered since it was configured at %s: %s", s.Source, s.ConfiguredAt.Format(time.RFC3339), s.Error)
	default:
		return s.Source + ": does not answer: " + s.Error
	}
}

// ask asks the source for a sign of life, and remembers one.
func (s *Source) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	query, err := s.Compile(source.Statement{SQL: "SELECT 1 AS one", MaxRows: 1})
	if err != nil {
		return nil // of another dialect: it cannot be asked
	}
	_, err = query.Check(ctx)
	switch {
	case dataapi.HasCode(err, dataapi.CodeSourceUnavailable):
		return cmp.Or(errors.Unwrap(dataapi.AsError(err)), err) // without the code, which is for callers
	case dataapi.HasCode(err, dataapi.CodeExecutionTimeout), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %s", answerTimeout)
	case errors.Is(err, context.Canceled):
		return err
	}
	s.answered.Store(true) // also when it is too busy, or finds fault with the statement
	return nil
}

// AskSources asks all sources at once. It blocks for answerTimeout at most.
func (s *Server) AskSources(ctx context.Context) []SourceState {
	sources := s.settings.Sources
	states := make([]SourceState, 0, len(sources))
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		states = append(states, SourceState{Source: name, State: SourceAnswers, ConfiguredAt: sources[name].configured})
	}
	var all sync.WaitGroup
	for i := range states {
		state := &states[i]
		asked := sources[state.Source]
		all.Go(func() {
			err := asked.ask(ctx)
			if err == nil {
				return
			}
			state.State, state.Error = SourceSilent, err.Error()
			if !asked.answered.Load() {
				state.State = SourceUnproven
			}
		})
	}
	all.Wait()
	return states
}

// TellUnproven logs which sources have never answered, since their settings may be wrong: a configuration is accepted
// although a database is down. It blocks as AskSources does.
func (s *Server) TellUnproven() {
	for _, state := range s.AskSources(s.settings.Ending) {
		if state.State == SourceUnproven && s.settings.Ending.Err() == nil {
			s.settings.Log.Warn("a source has never answered since it was configured: its endpoints answer 503 until it does",
				slog.String("source", state.Source), slog.String("error", state.Error))
		}
	}
}
