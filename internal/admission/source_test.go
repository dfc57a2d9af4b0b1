package admission_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/internal/source/sqlite"
	"github.com/solucao42/caddy-data-api/source"
)

// reader takes a row and keeps the database waiting until it is let go.
type reader struct {
	company string
	began   chan<- string
	letGo   <-chan struct{}
}

func (reader) Columns([]source.Column) error { return nil }

func (r reader) Row([]source.Value) error {
	r.began <- r.company
	<-r.letGo
	return nil
}

// A place is held until the last row has been taken: slow readers of one company do not keep another waiting behind them.
func TestSlowReadersCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	opened, err := sqlite.New(sqlite.Config{Path: path, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	gate := admission.Admit(opened, admission.Options{MaxWait: time.Minute})
	defer gate.Close()
	query, err := gate.Compile(source.Statement{SQL: "SELECT 1 AS one", MaxRows: 10})
	if err != nil {
		t.Fatal(err)
	}

	began, letGo := make(chan string, 100), make(chan struct{})
	var group sync.WaitGroup
	waits := make(chan struct{}, 100) // for a place
	run := func(company string) {
		group.Go(func() {
			call := source.Call{Claims: source.Claims{Company: company}}
			ctx := admission.WithPatience(context.Background(), admission.Patience{MaxWait: time.Minute, Wait: func() func() {
				waits <- struct{}{}
				return func() {}
			}})
			if err := query.Run(ctx, call, reader{company, began, letGo}); err != nil {
				t.Errorf("%s: %v", company, err)
			}
		})
	}
	for range 50 {
		run("slow")
	}
	for range 48 {
		<-waits
	}
	for range 2 {
		if company := <-began; company != "slow" {
			t.Fatalf("%s reads", company)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	call := source.Call{Claims: source.Claims{Company: "other"}}
	if err := query.Run(ctx, call, reader{}); !dataapi.HasCode(err, dataapi.CodeExecutionTimeout) {
		t.Fatalf("a run whose time ends while it waits: %v", err)
	}
	run("other")
	<-waits // behind 48 others
	letGo <- struct{}{}
	if company := <-began; company != "other" {
		t.Fatalf("the place that came free went to %s", company)
	}
	close(letGo)
	group.Wait()
}

// unbounded is a source that does not say how much it runs at once.
type unbounded struct {
	source.Source
	query source.Query
}

// Before a source that does not say how much it runs at once nobody waits; what its runs take is noted all the same.
func TestAdmitOfAnUnboundedSource(t *testing.T) {
	query, err := admission.Admit(unbounded{query: &shared{}}, admission.Options{}).Compile(source.Statement{})
	if err != nil {
		t.Fatal(err)
	}
	var timing observe.Timing
	if err := query.Run(observe.WithTiming(t.Context(), &timing), source.Call{}, nil); err != nil || timing.Waited != 0 || timing.Queried <= 0 {
		t.Errorf("%v, %+v", err, timing)
	}
}

// answering is a query that ends as it is told.
type answering struct {
	source.Query
	err error
}

func (a *answering) Run(context.Context, source.Call, source.Sink) error { return a.err }

func (u unbounded) Compile(source.Statement) (source.Query, error) { return u.query, nil }

// A source without a gate is let in at once. Its failures are counted like those of others: by class, and those of nobody
// else.
func TestFailuresAreCounted(t *testing.T) {
	query := new(answering)
	s := admission.Admit(unbounded{query: query}, admission.Options{})
	admitted, err := s.Compile(source.Statement{})
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("the cause")
	want := map[string]uint64{"unavailable": 0, "interrupted": 0, "overloaded": 0, "timeout": 0, "value_refused": 0, "internal": 0}
	check := func(last string, away bool) {
		t.Helper()
		got := s.Load()
		if !maps.Equal(got.Failures, want) || got.Last.Class != last || got.Last.At.IsZero() != (last == "") || got.UnavailableSince.IsZero() == away {
			t.Errorf("got %+v, want %v, the last one %q", got, want, last)
		}
	}
	check("", false)
	for _, c := range []struct {
		class string
		err   error
		away  bool
	}{
		{"internal", source.Failed(cause), false}, {"timeout", source.TimedOut(cause), false}, {"unavailable", source.Unavailable(cause), true},
		{"unavailable", source.Unavailable(cause), true}, {"overloaded", source.Overloaded(cause), true}, {"", nil, false},
		{"interrupted", source.Interrupted(cause), false}, {"value_refused", source.ValueRefused(cause, ""), false},
		{"", cause, false}, {"", context.Canceled, false}, {"", dataapi.Wrap(dataapi.CodeInternal, context.Canceled), false},
	} {
		before := s.Load().Last.Class
		query.err = c.err
		if err := admitted.Run(t.Context(), source.Call{}, nil); !errors.Is(err, c.err) {
			t.Errorf("%v became %v", c.err, err)
		}
		if c.class != "" {
			want[c.class]++
			before = c.class
		}
		check(before, c.away)
	}
}

// shared is a query that runs on a shared connection when it can.
type shared struct {
	source.Query
	can       bool
	ran, lone int
}

func (s *shared) Share(context.Context, source.Call, source.Sink) (bool, error) {
	if s.can {
		s.ran++
	}
	return s.can, nil
}

func (s *shared) Run(context.Context, source.Call, source.Sink) error {
	s.lone++
	return nil
}

type sharing struct {
	source.Source
	query *shared
}

func (sharing) Capacity() int                                    { return 1 }
func (s sharing) Compile(source.Statement) (source.Query, error) { return s.query, nil }

// What runs on a shared connection takes no place.
func TestSharedRunsNeedNoPlace(t *testing.T) {
	inner := &shared{can: true}
	query, err := admission.Admit(sharing{query: inner}, admission.Options{}).Compile(source.Statement{})
	if err != nil {
		t.Fatal(err)
	}
	if err := query.Run(t.Context(), source.Call{}, nil); err != nil || inner.ran != 1 || inner.lone != 0 {
		t.Fatalf("%v, %+v", err, inner)
	}
	inner.can = false
	if err := query.Run(t.Context(), source.Call{}, nil); err != nil || inner.ran != 1 || inner.lone != 1 {
		t.Fatalf("%v, %+v", err, inner)
	}
}

// none takes a result and does nothing with it.
type none struct{}

func (none) Columns([]source.Column) error { return nil }
func (none) Row([]source.Value) error      { return nil }

// The short runs of a PostgreSQL source with pipelines go on while every place is taken.
func TestPipelinesPassTheGate(t *testing.T) {
	opened, err := postgres.New(postgres.Config{DSN: pgtest.New(t).ReaderDSN, MaxConns: 1, Pipelines: 1})
	if err != nil {
		t.Fatal(err)
	}
	gate := admission.Admit(opened, admission.Options{MaxWait: 100 * time.Millisecond})
	defer gate.Close()
	query, err := gate.Compile(source.Statement{SQL: "SELECT 1 AS one", MaxRows: 10})
	if err != nil {
		t.Fatal(err)
	}
	call := source.Call{Claims: source.Claims{Company: "acme"}}
	short := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), postgres.PipelineTimeout)
		defer cancel()
		return query.Run(ctx, call, none{})
	}
	if err := short(); err != nil { // from now on the pipeline is being connected
		t.Fatal(err)
	}
	began, letGo := make(chan string, 1), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		if err := query.Run(context.Background(), call, reader{"acme", began, letGo}); err != nil {
			t.Error(err)
		}
	})
	<-began
	if err := query.Run(context.Background(), call, none{}); !dataapi.HasCode(err, dataapi.CodeOverloaded) {
		t.Errorf("a run without a time limit, with every place taken: %v", err)
	}
	// Until the pipeline stands and knows the statement, and for a while after a run that a busy machine has made slow, short
	// runs need a place too, which nobody gives back.
	passed := 0
	for deadline := time.Now().Add(time.Minute); passed < 20; {
		switch err := short(); {
		case err == nil:
			passed++
		case !dataapi.HasCode(err, dataapi.CodeOverloaded) || time.Now().After(deadline):
			t.Fatalf("a short run, with every place taken, after %d that passed: %v", passed, err)
		}
	}
	close(letGo)
	group.Wait()
}
