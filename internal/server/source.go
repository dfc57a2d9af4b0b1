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

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/source"
)

// answerTimeout is how long a source has to answer when it is asked for a sign of life.
const answerTimeout = 4 * time.Second

// Source is a database that configurations share: callers are admitted to it in an order that is fair among companies.
type Source struct {
	source.Source
	pinger      source.Pinger       // the database itself, or nil
	reporter    source.Reporter     // likewise
	reconnector source.Reconnector  // the database itself, or nil
	describes   bool                // it can tell its tables
	accepted    *execution.Accepted // nil: the database tells no version
	kind        string              // of database; empty: it does not say
	dialect     source.Dialect
	configured  time.Time               // when it was made
	answered    atomic.Bool             // at least once since
	silence     atomic.Pointer[silence] // not nil: it did not answer when it was asked last
	admitted    *admission.Source
	remembered  remembered

	mu    sync.Mutex
	state string // that it was found in last; empty: none
	since time.Time
}

// NewSource returns a source in front of a database, which it closes. The dialect reads statements for it.
func NewSource(database source.Source, dialect source.Dialect) *Source {
	pinger, _ := database.(source.Pinger)
	reporter, _ := database.(source.Reporter)
	reconnector, _ := database.(source.Reconnector)
	_, describes := database.(source.Describer)
	var accepted *execution.Accepted
	if versioned, ok := database.(source.Versioned); ok {
		accepted = execution.NewAccepted(versioned)
	}
	kind := ""
	if named, ok := database.(source.Named); ok {
		kind = named.SystemName()
	}
	admitted := admission.Admit(database, admission.Options{})
	return &Source{
		Source: admitted, admitted: admitted, pinger: pinger, reporter: reporter, reconnector: reconnector, describes: describes,
		accepted: accepted, kind: kind,
		dialect: dialect, configured: time.Now(),
	}
}

// ask asks the source for a sign of life, and remembers one.
func (s *Source) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err := s.ping(ctx)
	s.note(err)
	switch {
	case dataapi.HasCode(err, dataapi.CodeSourceUnavailable):
		return cmp.Or(errors.Unwrap(dataapi.AsError(err)), err) // without the code, which is for callers
	case silent(err):
		return fmt.Errorf("no answer within %s", answerTimeout)
	case errors.Is(err, context.Canceled):
		return err
	}
	s.answered.Store(true) // also when it is too busy, or finds fault with the statement
	return nil
}

// silent reports whether an error says that a source has not answered.
func silent(err error) bool {
	return dataapi.HasCode(err, dataapi.CodeSourceUnavailable) || dataapi.HasCode(err, dataapi.CodeExecutionTimeout) ||
		errors.Is(err, context.DeadlineExceeded)
}

// ping asks in the source's own way, or with a statement. A source that cannot compile
// the statement counts as answering.
func (s *Source) ping(ctx context.Context) error {
	if s.pinger != nil {
		return s.pinger.Ping(ctx)
	}
	query, err := s.Compile(source.Statement{SQL: "SELECT 1 AS one", MaxRows: 1})
	if err == nil {
		_, err = query.Check(ctx)
	}
	return err
}

// Reconnect has a source replace its connections, or all that can when the name is empty: then the secrets of tokens are read
// again, too.
func (s *Server) Reconnect(name string) (admin.ReconnectedSources, error) {
	names := slices.Sorted(maps.Keys(s.settings.Sources))
	if name != "" && s.settings.Sources[name] == nil {
		return admin.ReconnectedSources{}, dataapi.Errorf(dataapi.CodeInvalidRequest, "There is no source %q%s", name, dataapi.Beside(name, names))
	}
	done := admin.ReconnectedSources{Sources: []admin.Reconnected{}}
	if name == "" {
		done.HS256 = s.rereadForOperator()
	}
	for _, other := range names {
		if name != "" && other != name {
			continue
		}
		state := admin.Reconnected{Source: other}
		if reconnector := s.settings.Sources[other].reconnector; reconnector == nil {
			state.Error = "it has no connections that could be replaced"
		} else if err := reconnector.Reconnect(); err != nil {
			state.Error = err.Error()
		}
		state.Reconnected = state.Error == ""
		done.Sources = append(done.Sources, state)
	}
	return done, nil
}

// AskSources asks all sources at once. It blocks for answerTimeout at most.
func (s *Server) AskSources(ctx context.Context) []admin.SourceState {
	sources := s.settings.Sources
	states := make([]admin.SourceState, 0, len(sources))
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		states = append(states, admin.SourceState{Source: name, State: admin.SourceAnswers, ConfiguredAt: sources[name].configured})
	}
	var all sync.WaitGroup
	for i := range states {
		state := &states[i]
		asked := sources[state.Source]
		all.Go(func() {
			defer asked.describe(state)
			err := asked.ask(ctx)
			if err == nil {
				return
			}
			state.State, state.Error = admin.SourceSilent, err.Error()
			if !asked.answered.Load() {
				state.State = admin.SourceUnproven
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
		if state.State == admin.SourceUnproven && s.settings.Ending.Err() == nil {
			s.settings.Log.Warn("a source has never answered since it was configured: its endpoints answer 503 until it does",
				slog.String("source", state.Source), slog.String("error", state.Error))
		}
	}
}
