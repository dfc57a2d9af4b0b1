package respond

import (
	"io"
	"net/http"
	"runtime"
)

// conversionSlots bound how many results are converted at the same moment: one processor is left for short requests, where
// there are several. An answer that waits for its reader holds no slot. A hundred readers would otherwise queue for the processors with
// everybody else's requests, each for as long as the runtime lets a goroutine run.
type conversionSlots chan struct{}

func newConversionSlots() conversionSlots {
	return make(conversionSlots, max(1, runtime.GOMAXPROCS(0)-1))
}

// LimitConversion makes an answer take a slot from now on for every buffer that it fills; it waits for the first one.
func LimitConversion(w http.ResponseWriter) error {
	if answer := AnswerOf(w); answer != nil {
		return answer.acquireSlot()
	}
	return nil
}

// Turns is a writer to elsewhere than an answer, in whose place it takes a slot for every buffer that is filled. End it.
type Turns struct {
	to     io.Writer
	answer *Answer // nil: there is none, and no slot is taken
}

// ConvertInTurns is LimitConversion for what is converted for an answer, and written elsewhere.
func ConvertInTurns(w http.ResponseWriter, to io.Writer) (*Turns, error) {
	return &Turns{to, AnswerOf(w)}, LimitConversion(w)
}

// Write gives the slot to others, who may have waited for it.
func (t *Turns) Write(p []byte) (int, error) {
	if t.answer == nil {
		return t.to.Write(p)
	}
	t.answer.releaseSlot()
	n, err := t.to.Write(p)
	if err != nil {
		return n, err
	}
	return n, t.answer.acquireSlot()
}

// End gives the slot back.
func (t *Turns) End() {
	if t.answer != nil {
		t.answer.releaseSlot()
	}
}

func (a *Answer) acquireSlot() error {
	select {
	case a.by.slots <- struct{}{}:
	case <-a.request.Context().Done():
		return a.request.Context().Err()
	}
	a.hasSlot = true
	runtime.Gosched() // or this answer would go on at once, before those that have waited for the processor
	return nil
}

func (a *Answer) releaseSlot() {
	if a.hasSlot {
		<-a.by.slots
		a.hasSlot = false
	}
}
