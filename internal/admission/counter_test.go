package admission_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/admission"
)

func TestCounter(t *testing.T) {
	counter := admission.NewCounter(2)
	enter := func(company string, want bool) {
		t.Helper()
		if counter.Enter(company) != want {
			t.Fatalf("%s may enter: %t, want %t", company, !want, want)
		}
	}
	enter("a", true)
	enter("a", true)
	enter("a", false)
	enter("b", true)
	counter.Leave("a")
	enter("a", true)
	enter("a", false)
	var inside, most atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 500 {
				if counter.Enter("c") {
					if n := inside.Add(1); n > 2 {
						most.Store(n)
					}
					inside.Add(-1)
					counter.Leave("c")
				}
			}
		})
	}
	group.Wait()
	if most.Load() > 2 {
		t.Errorf("%d were inside at once", most.Load())
	}
}
