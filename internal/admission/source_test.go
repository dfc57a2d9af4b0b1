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
	query, err := admission.Admit(unbounded{query: &answering{}}, admission.Options{}).Compile(source.Statement{})
	if err != nil {
		t.Fatal(err)
	}
	var timing observe.Timing
	if err := query.Run(&observe.Timed{Context: t.Context(), Timing: &timing}, source.Call{}, nil); err != nil || timing.Waited != 0 || timing.Queried <= 0 {
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
