package fields

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Query is a URL's query whose parameters are known and given once each.
type Query map[string]string

// ParseQuery reads the query of a request. It is as strict as bodies are: a parameter that is misspelt would otherwise
// be one that has no effect.
func ParseQuery(r *http.Request, allowed ...string) (Query, error) {
	query, others, err := splitQuery(r, allowed...)
	if err != nil {
		return nil, err
	}
	if len(others) == 0 {
		return query, nil
	}
	name, known := slices.Min(slices.Collect(maps.Keys(others))), "none is"
	if len(allowed) > 0 {
		known = "known are " + strings.Join(allowed, ", ")
	}
	return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The query parameter %q is not known here; %s.", Shorten(name), known)
}

// splitQuery returns the parameters that are reserved, which are given once each, and the others.
func splitQuery(r *http.Request, reserved ...string) (query Query, others url.Values, err error) {
	if r.URL.RawQuery == "" {
		return nil, nil, nil
	}
	others, err = url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, nil, &dataapi.Error{Code: dataapi.CodeInvalidRequest, Detail: "The query of the URL cannot be read.", Err: err}
	}
	query = make(Query, len(others))
	for _, name := range reserved {
		given, ok := others[name]
		if !ok {
			continue
		}
		if len(given) != 1 {
			return nil, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The query parameter %s is given %d times.", name, len(given))
		}
		query[name] = given[0]
		delete(others, name)
	}
	return query, others, nil
}

// LinkQuery is the name of the query parameter that holds a presigned link.
const LinkQuery = "link"

// ParameterPrefix comes before the name of an endpoint's parameter in a query, where the name alone is reserved.
const ParameterPrefix = "p."

// ParseParameters reads the query of a request that has the parameters of an endpoint in it, beside those that are reserved. It
// returns the texts of each by its name, with the prefix or without it. A query that has a parameter both ways is refused, and so
// is one that is not UTF-8.
func ParseParameters(r *http.Request, reserved ...string) (query Query, texts map[string][]string, err error) {
	query, others, err := splitQuery(r, reserved...)
	if err != nil {
		return nil, nil, err
	}
	texts = make(map[string][]string, len(others))
	for _, given := range slices.Sorted(maps.Keys(others)) {
		name := strings.TrimPrefix(given, ParameterPrefix)
		if _, twice := texts[name]; twice {
			return nil, nil, dataapi.Errorf(dataapi.CodeInvalidRequest,
				"The query has the parameter %s both as %[1]s and as %[2]s%[1]s.", Shorten(name), ParameterPrefix)
		}
		if !utf8.ValidString(name) || !utf8.ValidString(strings.Join(others[given], "")) {
			return nil, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The query of the URL is not UTF-8 in percent-encoding.")
		}
		texts[name] = others[given]
	}
	return query, texts, nil
}

// Number returns a whole number from 1 to most.
func (q Query) Number(name string, otherwise, most int) (int, error) {
	text, ok := q[name]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most || text[0] == '+' {
		return 0, dataapi.Errorf(dataapi.CodeInvalidRequest, "%s must be a whole number from 1 to %d; got %q.", name, most, Shorten(text))
	}
	return n, nil
}

// ErrCursor says that a cursor is not valid.
func ErrCursor(cause error) error {
	return &dataapi.Error{
		Code: dataapi.CodeInvalidRequest, Err: cause,
		Detail: "The cursor is not one that this list has returned. Begin again without it.",
	}
}

// SetNext names the next page (RFC 8288): this query from the cursor on. A filter that is empty filters nothing, and is left out.
func (q Query) SetNext(w http.ResponseWriter, r *http.Request, cursor string, limit int) {
	next := url.Values{}
	for name, value := range q {
		if value != "" {
			next.Set(name, value)
		}
	}
	next.Set("cursor", cursor)
	next.Set("limit", strconv.Itoa(limit))
	w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, BaseOf(r).Path, r.URL.EscapedPath(), next.Encode()))
}

// Shorten keeps what is echoed to a caller short.
func Shorten(text string) string {
	const most = 60
	return dataapi.Shorten(text, most)
}
