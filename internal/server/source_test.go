package server

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
	silent := &Source{pinger: pinged{source.Unavailable(errors.New("nobody is there"))}}
	if err := silent.ask(t.Context()); err == nil || err.Error() != "nobody is there" || silent.answered.Load() {
		t.Errorf("a silent source: %v", err)
	}
	answering := &Source{pinger: pinged{}}
	if err := answering.ask(t.Context()); err != nil || !answering.answered.Load() {
		t.Errorf("a source that answers: %v", err)
	}
}
