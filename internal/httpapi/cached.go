package httpapi

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// cacheName names this cache in Cache-Status (RFC 9211).
const cacheName = "data-api"

// answerSync answers a caller who waits: with a result that was kept, or with one that is made while it is sent.
func (a *API) answerSync(w http.ResponseWriter, r *http.Request, caller identity.Principal, bound *execution.Bound, form form) (result.Summary, error) {
	policy, cached := bound.CachePolicy()
	if !cached {
		return answerResult(w, r, bound, form)
	}
	key, err := bound.CacheKey(form.String())
	if err != nil {
		return result.Summary{}, err
	}
	entry, status, err := a.Cache.Get(r.Context(), key, policy, bound.Fill(func(w io.Writer) result.Encoder {
		return form.encoder(w, true, nil)
	}))
	if errors.Is(err, cache.ErrTooLarge) {
		w.Header().Set("Cache-Status", cacheName+"; fwd=miss; detail=too-large")
		return answerResult(w, r, bound, form)
	}
	if err == nil && (status == cache.Miss || status == cache.Collapsed) {
		err = a.mayStill(r, caller, bound)
	}
	if err != nil {
		return result.Summary{}, err
	}
	return entry.Summary, answerEntry(w, r, bound, form, policy, entry, status)
}

// mayStill looks again at what the caller may do, after it has waited for a query: a key may have been revoked meanwhile.
func (a *API) mayStill(r *http.Request, caller identity.Principal, bound *execution.Bound) error {
	caller, err := a.renewed(caller)
	if err != nil {
		return err
	}
	namespace, slug, err := permitted(r, caller, dataapi.ActionExecute)
	if err != nil {
		return err
	}
	_, err = a.Plan().FindRevision(caller, namespace, slug, bound.Endpoint.Revision)
	return err
}

// answerEntry answers with a kept result, or, to a caller who has it already, with 304.
func answerEntry(
	w http.ResponseWriter, r *http.Request, bound *execution.Bound, form form, policy cache.Policy, entry *cache.Entry, status cache.Status,
) error {
	now := time.Now()
	header := w.Header()
	header.Set("ETag", entry.ETag)
	header.Set("Cache-Control", cacheControl(policy))
	header.Set("Age", strconv.FormatInt(int64(entry.Age(now)/time.Second), 10))
	header.Set("Cache-Status", cacheStatus(status, entry.TTL(now)))
	header.Add("Vary", "Authorization")
	if matches(r.Header["If-None-Match"], entry.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	header.Set("Content-Type", form.format.ContentType())
	header.Set("Content-Length", strconv.Itoa(len(entry.Body)))
	form.describe(header, bound.Endpoint.Address.Slug, entry.Summary.MaxRows)
	if form.format != result.FormatJSON {
		setSummary(header, entry.Summary)
	}
	_, err := w.Write(entry.Body)
	return err
}

// cacheControl lets the caller, and nobody between, keep the answer as long as it is kept here (RFC 9111, 5.2; RFC 5861, 3).
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
