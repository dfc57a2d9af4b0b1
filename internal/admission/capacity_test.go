package admission_test

import (
	"testing"
	"testing/synctest"

	"github.com/solucao42/caddy-data-api/internal/admission"
)

func TestCapacityChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := admission.New(admission.Options{Capacity: 4})
		callers := newCrowd(t, gate)
		callers.arrive("acme", 4)
		callers.arrive("globex", 1)
		gate.SetCapacity(2)
		callers.leave("acme")
		callers.leave("acme")
		if running, waiting := gate.Load(); running != 2 || waiting != 1 {
			t.Errorf("with two places: %d run and %d wait", running, waiting)
		}
		callers.leave("acme")
		if callers.inside("acme") != 1 || callers.inside("globex") != 1 {
			t.Errorf("acme runs %d and globex %d", callers.inside("acme"), callers.inside("globex"))
		}
		callers.arrive("acme", 3)
		if callers.inside("acme") != 1 {
			t.Errorf("acme runs %d of two places with globex", callers.inside("acme"))
		}
		gate.SetCapacity(8) // who waits need not wait for somebody to leave
		if callers.inside("acme") != 4 {
			t.Errorf("with eight places acme runs %d", callers.inside("acme"))
		}
		gate.SetCapacity(0)
		callers.empty()
		callers.arrive("acme", 1)
		if callers.inside("acme") != 1 {
			t.Error("one place is the least")
		}
		callers.empty()
	})
}
