package respond

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/httpapi/wiretest"
)

// Answers that take slots work as many at once as there are slots, and none of them keeps one while its reader is waited for.
func TestSlotsAreLeftWhileReadersAreWaitedFor(t *testing.T) {
	responder := testResponder()
	responder.slots = make(conversionSlots, 2)
	var inside, most atomic.Int64
	listener := wiretest.Listen(t)
	listen(t, listener, handle(responder, func(w http.ResponseWriter, _ *http.Request) error {
		if err := LimitConversion(w); err != nil {
			return err
		}
		for range 20 {
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
			inside.Add(-1)
			if err := half(w); err != nil {
				return err
			}
		}
		return nil
	}))
	stuck := newRawH2(t, listener.Addr(), 0) // more answers than there are slots, whose readers take nothing
	for i := range uint32(10) {
		stuck.get(2*i+1, "/")
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, _, body, err := wiretest.Fetch(t, "http://"+listener.Addr().String())
			if err != nil || len(body) != 2_000_000 {
				t.Errorf("%d bytes, %v", len(body), err)
			}
		})
	}
	all.Wait()
	_ = stuck.conn.Close()
	if held := eventuallyHeld(responder, 0); held != 0 || most.Load() > 2 || len(responder.slots) != 0 {
		t.Errorf("%d worked at once; %d bytes and %d turns are taken in the end", most.Load(), held, len(responder.slots))
	}
}
