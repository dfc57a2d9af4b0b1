package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// A body that is no object would purge every result, or rotate a key, without a word of what.
func TestAdminBodiesAreObjects(t *testing.T) {
	for body, sound := range map[string]bool{
		`{"company":"acme"}`: true, `{}`: true, ` {} `: true,
		`null`: false, ` null`: false, ``: false, `[]`: false, `"x"`: false, `{} {}`: false, `{"compny":"acme"}`: false, `{"company":"a","company":"b"}`: false,
		`{"company":"` + strings.Repeat("x", maxBody) + `"}`: false,
	} {
		var target PurgeRequest
		err := decodeBody(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)), &target)
		if (err == nil) != sound || err != nil && !dataapi.HasCode(err, dataapi.CodeInvalidRequest) {
			t.Errorf("%.40s: %v", body, err)
		}
	}
}
