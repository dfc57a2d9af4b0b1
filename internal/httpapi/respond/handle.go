package respond

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Timing tells a caller where the time of its request went. Begin is called before the header is sent, End when the answer is
// complete.
type Timing interface {
	Begin()
	End()
}

// AnswerOf returns the answer that a handler writes to; nil: w is another writer. Methods of a nil answer do nothing.
func AnswerOf(w http.ResponseWriter) *Answer {
	answer, _ := w.(*Answer)
	return answer
}

// Tell lets timing tell about this answer.
func (a *Answer) Tell(timing Timing) {
	if a != nil {
		a.timing = timing
	}
}

// About says for the log of which endpoint the answer is.
func (a *Answer) About(endpoint dataapi.Address) {
	if a != nil {
		a.endpoint = endpoint
	}
}

// Costs says what the answer will hold in memory beside what is held already, in bytes. It counts when the answer begins.
func (a *Answer) Costs(bytes int64) {
	if a != nil {
		a.cost += bytes
	}
}

// Sent returns how many bytes the server has taken.
func (a *Answer) Sent() int64 {
	if a == nil {
		return 0
	}
	return a.sent
}

// MayTrail reports whether the answer can have a trailer, which HTTP/1.0 has not.
func (a *Answer) MayTrail() bool { return a == nil || a.request.ProtoAtLeast(1, 1) }

// HoldUntil bounds how long the reader may take, all writes together; zero: it may go on.
func (a *Answer) HoldUntil(end time.Time) {
	switch {
	case a == nil:
	case end.IsZero():
		a.watched.until.Store(0)
	default:
		a.watched.until.Store(end.UnixNano())
	}
}

// ToAnyone lets the rest of the answer go to the client whatever has become of the caller's rights: for what everybody may know.
func (a *Answer) ToAnyone() {
	if a != nil {
		a.anyone, a.refused = true, nil
	}
}
