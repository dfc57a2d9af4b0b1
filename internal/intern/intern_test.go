package intern_test

import (
	"runtime"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/intern"
)

type pair struct {
	name string
	_    *int // so that the allocator gives it a place of its own
}

func TestEqualValuesAreOneWhileAnybodyHasThem(t *testing.T) {
	t.Parallel()
	var set intern.Set[pair]
	one, other := intern.KeyOf([]byte("one")), intern.KeyOf([]byte("other"))
	first := set.Put(one, &pair{name: "one"})
	if set.Put(one, &pair{name: "one"}) != first || set.Get(one) != first {
		t.Error("equal values are two")
	}
	if set.Get(other) != nil || set.Put(other, &pair{name: "other"}).name != "other" {
		t.Error("another value is the same")
	}
	runtime.KeepAlive(first)
	for range 100 {
		if runtime.GC(); set.Get(one) == nil && set.Get(other) == nil {
			return
		}
	}
	t.Error("values are kept that nobody has")
}
