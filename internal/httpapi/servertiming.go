package httpapi

import (
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

const serverTimingField = "Server-Timing"

type serverTimingKey struct{}

// serverTiming tells a caller where the time of its call went (W3C Server Timing): how long it has waited for a place at the
// source, how long the query has run, and all together until the answer began, or, of one that was streamed, until it ended.
// What is not known is left out. A nil one tells nothing.
type serverTiming struct {
	of       *exchange
	trailing bool // the trailer has been announced
}

// timeAnswer makes the exchange's answer tell, where the site is configured so.
func (x *exchange) timeAnswer() {
	if asked, _ := x.r.Context().Value(serverTimingKey{}).(bool); !asked {
		return
	}
	x.timing = &serverTiming{of: x}
	respond.AnswerOf(x.w).Tell(x.timing)
}

// Begin is called before the header is sent. While the query runs only a trailer can tell what it has taken.
func (t *serverTiming) Begin() {
	switch {
	case t == nil:
	case !t.of.streams || t.of.w.Header().Get("Content-Length") != "":
		t.set()
	case t.of.r.ProtoAtLeast(1, 1): // HTTP/1.0 has no trailer
		t.of.w.Header().Add("Trailer", serverTimingField)
		t.trailing = true
	}
}

// End is called when the answer is complete.
func (t *serverTiming) End() {
	if t != nil && t.trailing {
		t.set()
	}
}

// refused is called when the call has failed: the problem document, if there is still room for one, tells too.
func (t *serverTiming) refused() {
	if t != nil && !t.trailing {
		t.set()
	}
}

func (t *serverTiming) set() {
	x := t.of
	value := make([]byte, 0, 64)
	add := func(name string, took time.Duration) {
		value = append(append(value, name...), ";dur="...)
		value = strconv.AppendFloat(value, float64(took)/float64(time.Millisecond), 'f', 3, 64)
		value = append(value, ", "...)
	}
	if x.cacheStatus == observe.CacheHit || x.cacheStatus == observe.CacheStale {
		value = append(append(append(value, "cache;desc="...), x.cacheStatus...), ", "...)
	}
	if x.bound != nil && x.bound.Timing != (observe.Timing{}) {
		add("wait", x.bound.Timing.Waited)
		add("db", x.bound.Timing.Queried)
	}
	add("total", time.Since(x.begun))
	x.w.Header().Set(serverTimingField, string(value[:len(value)-len(", ")]))
}
