package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/token"
)

// jwks publishes the public keys that verify access tokens, for whoever else accepts them (RFC 7517, 5).
func (a *API) jwks(w http.ResponseWriter, r *http.Request) error {
	if _, err := parseQuery(r); err != nil {
		return err
	}
	document, etag := a.TokenKeys.JWKS()
	header := w.Header()
	header.Set("Content-Type", "application/jwk-set+json")
	header.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(token.JWKSMaxAge/time.Second)))
	header.Set("ETag", etag)
	header.Set("Access-Control-Allow-Origin", "*") // it is public, and pages that verify tokens may be anywhere
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document))
	return nil
}
