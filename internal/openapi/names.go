package openapi

import (
	"strings"

	"github.com/solucao42/caddy-data-api/internal/execution"
)

// pascal joins the words of a slug or of a snake_case name, each with a capital letter.
func pascal(text string) string {
	var joined strings.Builder
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == '-' || r == '_' }) {
		joined.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return joined.String()
}

// tagOf is the tag of an endpoint: its namespace. Namespaces are lower case, so that none is a fixed tag's name.
func tagOf(offer execution.Offer) string { return offer.Namespace }
