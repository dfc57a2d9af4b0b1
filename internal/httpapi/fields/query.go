package fields

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Query is a URL's query whose parameters are known and given once each.
type Query map[string]string

// ParseQuery reads the query of a request. It is as strict as bodies are: a parameter that is misspelt would otherwise
// be one that has no effect.
func ParseQuery(r *http.Request, allowed ...string) (Query, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &dataapi.Error{Code: dataapi.CodeInvalidRequest, Detail: "The query of the URL cannot be read.", Err: err}
	}
	parsed := make(Query, len(values))
	for name, given := range values {
		if len(allowed) == 0 {
			return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The query parameter %q is not known here; none is.", Shorten(name))
		}
		if !slices.Contains(allowed, name) {
			return nil, dataapi.Errorf(dataapi.CodeInvalidRequest,
				"The query parameter %q is not known here; known are %s.", Shorten(name), strings.Join(allowed, ", "))
		}
		if len(given) != 1 {
			return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The query parameter %s stands %d times.", name, len(given))
		}
		parsed[name] = given[0]
	}
	return parsed, nil
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

// SetNext names the next page (RFC 8288), which has another query.
func SetNext(w http.ResponseWriter, r *http.Request, next url.Values) {
	w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.EscapedPath(), next.Encode()))
}

// Shorten keeps what is echoed to a caller short.
func Shorten(text string) string {
	const most = 60
	return dataapi.Shorten(text, most)
}
