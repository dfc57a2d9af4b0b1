package openapi

import (
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/identity"
)

// addHeaders says of every answer what all have in common.
func (d *document) addHeaders(caller identity.Principal) {
	everywhere := openapi3.Headers{"X-Request-Id": headerRef("RequestId"), "Cache-Control": headerRef("CacheControl")}
	if caller.User.Rate.Limits() {
		everywhere["RateLimit"], everywhere["RateLimit-Policy"] = headerRef("RateLimit"), headerRef("RateLimitPolicy")
	}
	for _, item := range d.Paths.Map() {
		for _, operation := range item.Operations() {
			for _, response := range operation.Responses.Map() {
				d.addHeadersTo(response, everywhere)
			}
		}
	}
}

func (d *document) addHeadersTo(response *openapi3.ResponseRef, more openapi3.Headers) {
	answer := response.Value
	if name, isRef := strings.CutPrefix(response.Ref, "#/components/responses/"); isRef {
		answer = d.Components.Responses[name].Value
	}
	if answer.Headers == nil {
		answer.Headers = make(openapi3.Headers, len(more))
	}
	for name, header := range more {
		if answer.Headers[name] == nil {
			answer.Headers[name] = header
		}
	}
}
