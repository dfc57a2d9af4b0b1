package respond

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/logsample"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// Responder calls handlers, watches over their answers, and answers with their errors. Make it with [New]; it is safe for
// concurrent use.
type Responder struct {
	*Recorder
	renew  func(identity.Principal) (identity.Principal, error)
	rates  *ratelimit.Table
	limits map[error]observe.Limit
	memory *Memory
	log    *slog.Logger

	watch   watch
	slots   conversionSlots
	crowded atomic.Int64      // when it was last logged that there was no memory left, in nanoseconds
	samples logsample.Sampler // of the failures that pass
}

// Options are what a responder works with.
type Options struct {
	Recorder *Recorder

	// Renew returns a caller as it is now. It fails with dataapi.CodeUnauthenticated when its key, user or tokens are not good any
	// more. It must not block: it is asked at every part of an answer.
	Renew func(identity.Principal) (identity.Principal, error)

	// Rates counts requests against the limits of keys.
	Rates *ratelimit.Table

	// Limits are the errors, beside the responder's own, that say a limit was exceeded, by the limit that is counted then.
	Limits map[error]observe.Limit

	// Memory bounds what answers and bodies hold.
	Memory *Memory

	Log *slog.Logger
}

// New makes a responder.
func New(o Options) *Responder {
	limits := map[error]observe.Limit{errNoRoom: observe.MemoryLimit, errNoRoomForBody: observe.MemoryLimit}
	maps.Copy(limits, o.Limits)
	return &Responder{
		Recorder: o.Recorder, renew: o.Renew, rates: o.Rates, limits: limits, memory: o.Memory, log: o.Log, slots: newConversionSlots(),
		watch: watch{stall: stallTimeout, blind: blindTimeout},
	}
}

// Handler answers a request, or returns why it cannot: an error that finds the answer unbegun becomes a problem document.
type Handler func(w http.ResponseWriter, r *http.Request) error

// route is a handler as net/http calls it. Before each part of the answer to an authenticated caller it looks again whether
// the caller's key, user and tokens are good, so that neither a long query nor a long result outlives their revocation.
type route struct {
	*Responder
	handle Handler
}

// ServeHTTP calls the handler and answers with its error.
func (h *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &Answer{ResponseWriter: w, controller: *http.NewResponseController(w), by: h.Responder, request: r}
	answer.budget, answer.payer = h.payerOf(r)
	defer answer.finish()
	err := h.handle(answer, r)
	if answer.refused != nil {
		err = answer.refused
	}
	if err == nil {
		answer.end()
		return
	}
	if dataapi.HasCode(err, dataapi.CodeUnauthenticated) && CallerOf(r).Company != nil {
		SetChallenge(w, true)
	}
	h.countLimit(err)
	h.recordRefusal(w, r, err)
	switch {
	case answer.begun:
		h.logBroken(w, r, answer, err)
		answer.abort()
	case errors.Is(err, errNoRoom), errors.Is(err, errNoRoomForBody):
		h.logCrowded(answer.payer, err)
		answer.refuse(err)
	default:
		h.fail(w, r, answer.endpoint, err)
	}
}

// countLimit counts what was refused for a limit.
func (h *Responder) countLimit(err error) {
	for exceeded, limit := range h.limits {
		if errors.Is(err, exceeded) {
			h.Meter.Throttled(limit)
			return
		}
	}
}

// logCrowded says that there is no memory left for a company, or for an address. It says so now and then only: such refusals come in thousands.
func (h *Responder) logCrowded(payer string, err error) {
	now := time.Now().UnixNano()
	if last := h.crowded.Load(); now-last >= int64(crowdedEvery) && h.crowded.CompareAndSwap(last, now) {
		h.log.Warn("requests are refused because the memory that answers.memory allows is used up", slog.String("for", payer), slog.Any("error", err))
	}
}

// crowdedEvery is how often it is logged that there is no memory left.
const crowdedEvery = 10 * time.Second

// logBroken says why an answer ends in its midst. A reader that has gone, or that takes nothing, is nobody's fault here.
func (h *Responder) logBroken(w http.ResponseWriter, r *http.Request, answer *Answer, err error) {
	if answer.stalled || errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		h.log.Debug("the caller went away, or took nothing", slog.String("request_id", fields.RequestID(w)), slog.Any("error", err))
		return
	}
	h.logFailure(w, r, answer.endpoint, err, true)
}

// Fail answers a request with an error, before anything else has been sent. It logs what a caller cannot mend. A caller
// that has gone is not answered.
func (h *Responder) Fail(w http.ResponseWriter, r *http.Request, err error) {
	h.fail(w, r, dataapi.Address{}, err)
}

// fail is Fail for a call of an endpoint; zero: of none.
func (h *Responder) fail(w http.ResponseWriter, r *http.Request, endpoint dataapi.Address, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		h.log.Debug("the caller went away", slog.String("request_id", fields.RequestID(w)), slog.Any("error", err))
		panic(http.ErrAbortHandler)
	}
	h.logFailure(w, r, endpoint, err, false)
	if elsewhere, ok := errors.AsType[*SeeOtherError](err); ok {
		writeSeeOther(w, elsewhere)
		return
	}
	writeProblem(w, r, dataapi.AsError(err))
}

// logFailure logs why a request was not answered, or, where the answer has begun, not to its end. What is wrong inside the
// server is an error, each time. What passes by itself can happen to every request at once: it is a warning, and of many only
// samples are kept. A value that the database refuses is for the endpoint's author to read about, and wakes nobody. All else
// is the caller's own business. The logger finds the request's trace in the context.
func (h *Responder) logFailure(w http.ResponseWriter, r *http.Request, endpoint dataapi.Address, err error, begun bool) {
	failure := dataapi.AsError(err)
	about := []slog.Attr{
		slog.String("request_id", fields.RequestID(w)), slog.String("path", r.URL.Path), slog.String("code", string(failure.Code)),
		slog.Bool("answer_begun", begun), slog.Any("error", err),
	}
	about = append(about, aboutCall(r, endpoint, err)...)
	switch status := failure.Code.Definition().Status; {
	case failure.Code == dataapi.CodeValueRefused:
		h.log.LogAttrs(r.Context(), slog.LevelInfo, "the database refused a value of a request", about...)
	case status == http.StatusServiceUnavailable:
		level := slog.LevelDebug
		if untold, tell := h.samples.Take(err.Error()); tell {
			level, about = slog.LevelWarn, append(about, slog.Int("others_since_the_last_sample", untold))
		}
		h.log.LogAttrs(r.Context(), level, "request failed", about...)
	case status >= http.StatusInternalServerError, begun:
		h.log.LogAttrs(r.Context(), slog.LevelError, "request failed", about...)
	default:
		h.log.LogAttrs(r.Context(), slog.LevelDebug, "request refused", about...)
	}
}

// aboutCall says for the log whose call has failed, of which endpoint, and what the database has called it.
func aboutCall(r *http.Request, endpoint dataapi.Address, err error) (about []slog.Attr) {
	if caller := CallerOf(r); caller.Company != nil {
		about = append(about, slog.String("company", caller.Company.Slug), slog.String("user", caller.User.Name))
	}
	if endpoint != (dataapi.Address{}) {
		about = append(about, slog.String("endpoint", endpoint.String()))
	}
	if state := dataapi.SQLState(err); state != "" {
		about = append(about, slog.String("sqlstate", state))
	}
	return about
}
