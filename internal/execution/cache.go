package execution

import (
	"cmp"
	"context"
	"io"

	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// CachePolicy says whether results of this call may be given again, and for how long.
func (b *Bound) CachePolicy() (policy cache.Policy, cached bool) {
	limits := b.Endpoint.Limits
	return cache.Policy{
		Address: b.Endpoint.Address, TTL: limits.Cache, Stale: limits.StaleWhileRevalidate,
	}, limits.Cache > 0
}

// anyUser takes the place of the user in a key where the rows cannot depend on who it is. It is no slug, as users' names are.
const anyUser = "*"

// CacheKey names what the answer to this call is made of: the endpoint as it is, the caller's company, what the share's
// context and the user's own leave open together, the arguments with what those contexts have filled in, and the form in
// which the result is written. On a source that shows claims to its database it also names the user. Two callers who may
// see different rows therefore have different keys.
func (b *Bound) CacheKey(form string) (cache.Key, error) {
	shareContext, err := b.context.Canonical()
	if err != nil {
		return cache.Key{}, err
	}
	user := cmp.Or(b.PersonalTo(), anyUser)
	address := b.Endpoint.Address
	return cache.NewKey(
		[]byte(address.Company), []byte(address.Namespace), []byte(address.Slug), []byte(b.Endpoint.Revision),
		[]byte(b.call.Claims.Company), []byte(user), shareContext, b.Canonical(), []byte(form),
	), nil
}

// Fill returns what fills an entry of the cache: it runs the query and writes the result with the encoder that it is given
// for the writer. The encoder is closed.
func (b *Bound) Fill(encoderFor func(w io.Writer) result.Encoder) cache.Fill {
	return func(ctx context.Context, w *cache.Buffer) (result.Summary, error) {
		encoder := encoderFor(w)
		defer encoder.Close()
		return b.Run(ctx, encoder)
	}
}
