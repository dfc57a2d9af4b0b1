package fields

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// FuzzParseParameters: whatever a query is, it is refused as an invalid request, or each of its texts belongs to one parameter or
// one reserved name.
func FuzzParseParameters(f *testing.F) {
	for _, seed := range []string{"", "a=1", "p.a=1", "a=1&p.a=2", "revision=x", "p.revision=x", "revision=1&revision=2", "%ff=1", "a=%ff", ";", "p.p.a=1&p.a", "a&a&a", "=", "p.=", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.URL.RawQuery = raw
		query, texts, err := ParseParameters(r, "revision")
		if err != nil {
			if dataapi.AsError(err).Code != dataapi.CodeInvalidRequest {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		count := len(query)
		for name, given := range texts {
			count += len(given)
			for _, text := range append([]string{name}, given...) {
				if !utf8.ValidString(text) {
					t.Errorf("%q gives %q", raw, text)
				}
			}
		}
		values, err := url.ParseQuery(raw)
		want := 0
		for _, given := range values {
			want += len(given)
		}
		if err != nil || count != want {
			t.Errorf("of %d texts in %q there are %d, %v", want, raw, count, err)
		}
	})
}
