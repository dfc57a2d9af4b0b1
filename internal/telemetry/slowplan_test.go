package telemetry

import (
	"fmt"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// TestPlansAreFew: one at a time, one a second, and one a minute of an endpoint; in bounded memory.
func TestPlansAreFew(t *testing.T) {
	var p slowPlans
	now := time.Now()
	query := func(name string) plannedQuery { return plannedQuery{endpoint: dataapi.Address{Slug: name}} }
	ask := func(name string, after time.Duration, want bool) {
		t.Helper()
		if now = now.Add(after); p.begin(query(name), now) != want {
			t.Errorf("%s is asked for: %v", name, !want)
		}
	}
	ask("a", 0, true)
	ask("b", 2*planPause, false) // a is being asked for
	p.end()
	ask("a", 0, false)
	ask("b", 0, true)
	p.end()
	ask("c", planPause/2, false)
	ask("c", planPause, true)
	p.end()
	ask("a", planEvery, true)
	p.end()
	for i := range 3 * plansRemembered {
		ask(fmt.Sprint(i), planPause, true)
		p.end()
	}
	if len(p.known) > plansRemembered {
		t.Errorf("%d endpoints are remembered", len(p.known))
	}
}
