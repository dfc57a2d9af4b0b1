package fields

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

type baseKey struct{}

// WithBase remembers what comes before paths.
func WithBase(ctx context.Context, base dataapi.Base) context.Context {
	if base == (dataapi.Base{}) {
		return ctx
	}
	return context.WithValue(ctx, baseKey{}, base)
}

// BaseOf returns what comes before the paths of the API for the caller of a request.
func BaseOf(r *http.Request) dataapi.Base {
	base, _ := r.Context().Value(baseKey{}).(dataapi.Base)
	return base
}

// StrippedPath returns what was taken away from the beginning of a request's path on its way here, percent-encoded; nothing where the
// path was changed in another way.
func StrippedPath(original, present *url.URL) string {
	if len(original.Path) == len(present.Path) {
		return ""
	}
	base, found := strings.CutSuffix(original.EscapedPath(), present.EscapedPath())
	if !found || !strings.HasPrefix(base, "/") || strings.HasPrefix(base, "//") { // which would name a host
		return ""
	}
	return strings.TrimSuffix(base, "/")
}
