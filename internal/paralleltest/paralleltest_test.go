package paralleltest

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

const atOnce = 6

func TestMain(m *testing.M) {
	AtOnce(atOnce)
	os.Exit(m.Run())
}

// More tests than there are processors wait for each other: that ends only when all of them run at a time.
func TestTestsThatWaitRunBesideEachOther(t *testing.T) {
	together := max(atOnce, runtime.GOMAXPROCS(0))
	var here atomic.Int64
	all := make(chan struct{})
	for i := range together {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			if here.Add(1) == int64(together) {
				close(all)
			}
			select {
			case <-all:
			case <-time.After(time.Minute):
				t.Errorf("only %d of %d tests run at a time", here.Load(), together)
			}
		})
	}
}
