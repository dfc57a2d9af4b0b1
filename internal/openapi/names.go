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

// nameOf is what an endpoint's operations and schemas are called, such as DefaultVendasPorRegiao. It depends on nothing but the address, so
// that it stays when another endpoint comes, and no two endpoints of a caller have the same one: a word that begins with a digit
// has a line before it, and so has the slug of a namespace with several words. A-b/c is AB_C, and a/b-c is ABC.
func nameOf(namespace, slug string) string {
	name := words(namespace)
	if strings.Contains(namespace, "-") {
		name += "_"
	}
	return name + words(slug)
}

// words joins the words of a slug, so that they can be told apart.
func words(slug string) string {
	var joined strings.Builder
	for word := range strings.SplitSeq(slug, "-") {
		if word != "" && word[0] <= '9' {
			joined.WriteByte('_')
		}
		joined.WriteString(pascal(word))
	}
	return joined.String()
}

// tagOf is the tag of an endpoint: its namespace. Namespaces are lower case, so that none is a fixed tag's name.
func tagOf(offer execution.Offer) string { return offer.Namespace }
