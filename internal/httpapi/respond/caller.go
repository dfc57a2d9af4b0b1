package respond

import (
	"context"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/observe"
)

type callerKey struct{}

// called is the context of a request whose caller is known, and its body: what would be three allocations, with context.WithValue, is one.
type called struct {
	context.Context //nolint:containedctx // it is a context
	caller          identity.Principal
	body            timedBody
}

// Value implements [context.Context].
func (c *called) Value(key any) any {
	if key == (callerKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// CallerOf returns who was authenticated; without a company: nobody was.
func CallerOf(r *http.Request) identity.Principal {
	if c, ok := r.Context().Value(callerKey{}).(*called); ok {
		return c.caller
	}
	return identity.Principal{}
}

// Enter lets in the request of a caller whom an authenticator has identified: it gives the answer a request id, counts the
// request against the rate of the caller's key, and bounds its body, to so many bytes and to a time in which it has to come.
// A request that is counted already is not counted again. Handlers find the caller with [CallerOf]. Where it reports false, the request
// is answered already.
func (h *Responder) Enter(w http.ResponseWriter, r *http.Request, caller identity.Principal, maxBody int64, counted bool) (*http.Request, bool) {
	fields.SetRequestID(w, r)
	fields.SetNoSniff(w.Header())
	if !counted {
		if err := limitKey(w, h.rates, caller); err != nil {
			h.Meter.Throttled(observe.KeyLimit)
			h.Fail(w, r, err)
			return nil, false
		}
	}
	c := &called{Context: r.Context(), caller: caller}
	r = r.WithContext(c)
	h.limitBody(w, r, maxBody, &c.body)
	return r, true
}

// EnterStranger is Enter for a request that needs no caller. What it holds in memory is counted by the client's address.
func (h *Responder) EnterStranger(w http.ResponseWriter, r *http.Request, maxBody int64) {
	fields.SetRequestID(w, r)
	fields.SetNoSniff(w.Header())
	h.limitBody(w, r, maxBody, new(timedBody))
}

// Renew returns a caller as it is now. It fails with dataapi.CodeUnauthenticated when its key, user or tokens are not good any
// more. Handlers that change something ask it after the body has been read: answers ask at each part by themselves.
func (h *Responder) Renew(caller identity.Principal) (identity.Principal, error) {
	return h.renew(caller)
}
