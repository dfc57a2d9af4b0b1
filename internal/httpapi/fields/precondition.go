package fields

import (
	"net/http"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Precondition is what a request says of that which it changes (RFC 9110, 13.1): If-None-Match: * makes what is not there, and If-Match
// changes what is there and has the tag, or, with *, whatever it has.
type Precondition struct {
	Make  bool     // there must be none
	match []string // the fields If-Match, without marks of codings
}

// ReadPrecondition reads the precondition of a request. Where there has to be one, it refuses a request without it.
func ReadPrecondition(r *http.Request, needed bool) (p Precondition, err error) {
	match, none := given(WithoutCodings(r.Header.Values("If-Match"))), given(r.Header.Values("If-None-Match"))
	switch {
	case len(match) > 0 && len(none) > 0, needed && len(match)+len(none) == 0:
		return p, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"Say what is to be changed: If-Match with the ETag that you have read, or If-None-Match: * to make what is not there yet.")
	case len(none) > 0 && (len(none) > 1 || none[0] != "*"):
		return p, dataapi.Errorf(dataapi.CodeInvalidRequest, "If-None-Match must be * here.")
	}
	return Precondition{Make: len(none) > 0, match: match}, nil
}

// given are the values of fields that have one.
func given(values []string) (kept []string) {
	for _, value := range values {
		if value = TrimSpace(value); value != "" {
			kept = append(kept, value)
		}
	}
	return kept
}

// OfExisting refuses If-None-Match: *, for a request that makes nothing.
func (p Precondition) OfExisting() error {
	if p.Make {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "If-None-Match: * is for what is to be made. Send If-Match with the ETag that you have read.")
	}
	return nil
}

// Given reports whether the request has a precondition.
func (p Precondition) Given() bool { return p.Make || len(p.match) > 0 }

// Holds reports whether the precondition holds of what is there, with this tag. Without one it does. The comparison is strong, as it
// has to be: a weak tag matches nothing.
func (p Precondition) Holds(there bool, etag string) bool {
	switch {
	case p.Make:
		return !there
	case len(p.match) == 0:
		return true
	case !there:
		return false
	}
	for _, field := range p.match {
		for field != "" {
			var candidate string
			candidate, field = cutOutsideQuotes(field, ',')
			if candidate = TrimSpace(candidate); candidate == "*" || candidate == etag {
				return true
			}
		}
	}
	return false
}

// marks are what tags may end in whose documents were compressed.
var marks = strings.NewReplacer(`-gzip"`, `"`, `-zstd"`, `"`, `-br"`, `"`)

// WithoutCodings returns the fields If-Match with their tags as they were before their documents were compressed. Caddy's encode makes "1-gzip"
// of "1", as other servers do, and takes that back in If-None-Match alone: a caller who sends what it has read would be told that it is stale.
func WithoutCodings(match []string) []string {
	bare := make([]string, len(match))
	for i, field := range match {
		bare[i] = marks.Replace(field)
	}
	return bare
}
