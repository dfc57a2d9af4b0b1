package authn

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// The token routes say which fields they know, and take null for no object either.
func TestDecodeFieldsSaysWhatIsKnown(t *testing.T) {
	for body, want := range map[string]string{
		`{"apikey":"x"}`:  `The field "apikey" is not known here; did you mean api_key? Known are company_slug, api_key and api_secret.`,
		`{"company":"x"}`: `The field "company" is not known here. Known are company_slug, api_key and api_secret.`,
		`null`:            "The body must be one JSON object; got null.",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		err := decodeFields(r, new(keyRequest))
		if got := dataapi.AsError(err); got == nil || got.Code != dataapi.CodeInvalidRequest || got.Detail != want {
			t.Errorf("%s\ngot  %v\nwant %s", body, err, want)
		}
	}
}
