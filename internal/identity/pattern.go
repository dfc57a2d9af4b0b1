package identity

import (
	"fmt"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// patternRule says in words what [ValidPattern] accepts, for error messages.
const patternRule = "* for every endpoint, or namespace/slug where either part may end in * such as " +
	"default/*, default/vendas-* or */vendas-por-regiao"

// everyEndpoint is the pattern that matches each endpoint of a company.
const everyEndpoint = "*"

// ValidPattern reports what is wrong with an endpoint pattern of a policy, or nil. A pattern is either * alone, or two
// parts joined by one slash that match the namespace and the slug. A part is a slug, a beginning of one followed by a
// single *, or * alone; * matches any characters but the slash. There are no other wildcards, no character classes
// and no escapes, and letters are lower-case as in slugs: a pattern that could not match anything is an error.
func ValidPattern(pattern string) error {
	_, err := parsePattern(pattern)
	return err
}

// pattern is an endpoint pattern, ready to match.
type pattern struct {
	namespace, slug part
}

// part matches a namespace or a slug.
type part struct {
	text string
	open bool // text is a beginning, not the whole
}

func parsePattern(text string) (pattern, error) {
	if text == everyEndpoint {
		return pattern{namespace: part{open: true}, slug: part{open: true}}, nil
	}
	namespace, slug, ok := strings.Cut(text, "/")
	if !ok {
		return pattern{}, patternFault(text)
	}
	var parsed pattern
	if parsed.namespace, ok = parsePart(namespace); !ok {
		return pattern{}, patternFault(text)
	}
	if parsed.slug, ok = parsePart(slug); !ok {
		return pattern{}, patternFault(text)
	}
	return parsed, nil
}

func parsePart(text string) (part, bool) {
	beginning, open := strings.CutSuffix(text, "*")
	if !open {
		return part{text: text}, dataapi.ValidSlug(text)
	}
	if beginning == "" {
		return part{open: true}, true
	}
	// A beginning may end in a hyphen, as a slug may not.
	return part{text: beginning, open: true}, dataapi.ValidSlug(beginning) || dataapi.ValidSlug(beginning+"0")
}

func patternFault(text string) error {
	return fmt.Errorf("%q is not an endpoint pattern; allowed is %s", text, patternRule)
}

// wildcard reports whether p may match more than one endpoint.
func (p pattern) wildcard() bool { return p.namespace.open || p.slug.open }

// all reports whether p matches every endpoint.
func (p pattern) all() bool {
	return p == pattern{namespace: part{open: true}, slug: part{open: true}}
}

func (p pattern) match(namespace, slug string) bool {
	return p.namespace.match(namespace) && p.slug.match(slug)
}

func (p part) match(text string) bool {
	if p.open {
		return strings.HasPrefix(text, p.text)
	}
	return text == p.text
}

// splitPath divides namespace/slug. It refuses whatever is not two non-empty parts, so that no pattern, not even *,
// allows a path that cannot name an endpoint.
func splitPath(path string) (namespace, slug string, ok bool) {
	namespace, slug, ok = strings.Cut(path, "/")
	return namespace, slug, ok && namespace != "" && slug != "" && strings.IndexByte(slug, '/') < 0
}
