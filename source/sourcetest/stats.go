package sourcetest

import (
	"context"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

// testStats looks at the figures of a source that reports any, before, during and after a run.
func testStats(t *testing.T, db Database) {
	s := open(t, db, 3)
	reporter, ok := s.(source.Reporter)
	if !ok {
		return // it is optional
	}
	want := func(when string, inUse int) {
		t.Helper()
		got := reporter.Stats()
		switch {
		case got.InUse != inUse:
			t.Errorf("%s %d connections are in use, want %d", when, got.InUse, inUse)
		case got.Idle < 0 || got.InUse+got.Idle > got.Limit:
			t.Errorf("%s %d connections are in use and %d are idle, of %d", when, got.InUse, got.Idle, got.Limit)
		case got.Limit != 3:
			t.Errorf("%s the limit is %d, want 3", when, got.Limit)
		case !got.UnavailableSince.IsZero() || got.LastFailure != nil || !got.LastFailureAt.IsZero():
			t.Errorf("%s the database, which answers, has failed at %s: %v", when, got.LastFailureAt, got.LastFailure)
		}
	}
	want("at first", 0)
	query := counting(t, db, s, 10)
	sink := &recorder{t: t, onRow: func(row int) error {
		if row == 1 {
			want("during a run", 1)
		}
		return nil
	}}
	if err := query.Run(context.Background(), source.Call{Args: []source.Argument{integer(3)}}, sink); err != nil {
		t.Fatal(err)
	}
	want("after a run", 0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := query.Run(ctx, source.Call{Args: []source.Argument{integer(3)}}, sink); err == nil {
		t.Error("a run under a context that has ended returned nil")
	}
	want("after a run that was cancelled", 0)
}
