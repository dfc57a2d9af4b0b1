package httpapi

import (
	"errors"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// cacheName names this cache in Cache-Status (RFC 9211).
const cacheName = "data-api"

// answerCached answers with a result that was cached, or that is cached from now on, and reports whether it did: one that is too
// large for that has to be made while it is sent.
func (e *executions) answerCached(x *exchange, policy cache.Policy) (answered bool, err error) {
	key, err := x.bound.CacheKey(x.form.String())
	if err != nil {
		return true, err
	}
	end, err := e.beginForm(x.caller.Company.Slug, x.form)
	if err != nil {
		return true, err
	}
	form := x.form // copied, so that a query shared with other callers does not keep the exchange alive
	filling := *x.bound
	entry, status, err := e.cache.Get(x.r.Context(), key, policy, filling.Fill(func(w io.Writer) result.Encoder {
		return form.encoder(w, true, nil)
	}))
	end()
	if status == cache.Miss && x.r.Context().Err() == nil { // else the query may be running
		x.bound.Timing = filling.Timing
	}
	if errors.Is(err, cache.ErrTooLarge) {
		x.w.Header().Set("Cache-Status", cacheName+"; fwd=miss; detail=too-large")
		x.cacheStatus = observe.CacheTooLarge
		return false, nil
	}
	x.cacheStatus = observedStatuses[status]
	if err == nil && (status == cache.Miss || status == cache.Collapsed) {
		err = e.mayStillExecute(x.r, x.caller, x.bound)
	}
	if err != nil {
		return true, err
	}
	x.summary = entry.Summary
	return true, answerEntry(x.w, x.r, x.bound, x.form, policy, entry, status)
}

// observedStatuses are the cache's statuses as records have them.
var observedStatuses = map[cache.Status]observe.CacheStatus{
	cache.Hit: observe.CacheHit, cache.Stale: observe.CacheStale, cache.Miss: observe.CacheMiss, cache.Collapsed: observe.CacheCollapsed,
}

// cacheControl lets the caller, and nobody between, keep the answer as long as it is cached here (RFC 9111, 5.2; RFC 5861, 3).
func cacheControl(policy cache.Policy) string {
	text := "private, max-age=" + strconv.FormatInt(int64(policy.TTL/time.Second), 10)
	if seconds := int64(policy.Stale / time.Second); seconds > 0 {
		text += ", stale-while-revalidate=" + strconv.FormatInt(seconds, 10)
	}
	return text
}

// cacheStatus says where the answer comes from, and for how many seconds more it is fresh.
func cacheStatus(status cache.Status, ttl time.Duration) string {
	text := cacheName
	switch status {
	case cache.Hit, cache.Stale:
		text += "; hit"
	case cache.Miss:
		text += "; fwd=miss; stored"
	case cache.Collapsed:
		text += "; fwd=miss; stored; collapsed"
	}
	// Rounded down, so that what is stale is never 0.
	return text + "; ttl=" + strconv.Itoa(int(math.Floor(ttl.Seconds())))
}
