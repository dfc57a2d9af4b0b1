package caddymodule

import (
	"context"
	"errors"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

// pinged is a source that is asked in its own way, and says this.
type pinged struct{ err error }

func (p pinged) Ping(context.Context) error { return p.err }

// TestASourceIsAskedInItsOwnWay: a database that cannot read SELECT 1 AS one can say that it is silent.
func TestASourceIsAskedInItsOwnWay(t *testing.T) {
	silent := &pooledSource{pinger: pinged{source.Unavailable(errors.New("nobody is there"))}}
	if err := silent.ask(t.Context()); err == nil || err.Error() != "nobody is there" || silent.answered.Load() {
		t.Errorf("a silent source: %v", err)
	}
	answering := &pooledSource{pinger: pinged{}}
	if err := answering.ask(t.Context()); err != nil || !answering.answered.Load() {
		t.Errorf("a source that answers: %v", err)
	}
}

// TestKindsDoNotShareSources: two modules may have the same key, and are two databases.
func TestKindsDoNotShareSources(t *testing.T) {
	if one, other := sourceKind(new(SQLiteSource)), sourceKind(new(PostgresSource)); one == other {
		t.Errorf("both are %s", one)
	}
}
