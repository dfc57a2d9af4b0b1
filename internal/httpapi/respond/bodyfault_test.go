package respond

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// A fault deep in a body is told with the whole way to it, with the fields that there are in that place, and with what is wanted there. A value
// that is of the wrong kind is not repeated, since it may be a secret.
func TestDecodeBodySaysWhatIsWantedWhereTheFaultIs(t *testing.T) {
	type grant struct {
		Actions   []string `json:"actions"`
		Endpoints []string `json:"endpoints"`
	}
	for body, want := range map[string]string{
		`{"grants":[{"actions":[]},{"endpoint":[]}]}`: `The field "grants[1].endpoint" is not known here; did you mean endpoints? Known are actions and endpoints.`,
		`{"grants":[{"actions":[1]}]}`:                `The field "grants[0].actions[0]" must be a string; got a number.`,
		`{"grants":[{"actions":"x"}]}`:                `The field "grants[0].actions" must be an array of strings; got a string.`,
		`{"grants":{}}`:                               `The field "grants" must be an array; got an object.`,
		`{"grants":[7]}`:                              `The field "grants[0]" must be an object; got a number.`,
		`{"options":{"csv":1}}`:                       `The field "options.csv" must be a string; got a number.`,
		`{"uses":1.5}`:                                `The field "uses" must be a whole number of 64 bits, without a point or an exponent; got 1.5.`,
		`{"uses":"secret"}`:                           `The field "uses" must be a whole number of 64 bits, without a point or an exponent; got a string.`,
		`{"active":"secret"}`:                         `The field "active" must be true or false; got a string.`,
		`{"expires_at":"tomorrow"}`:                   `The field "expires_at" must be a time such as 2026-01-31T10:30:00Z.`,
		`{"expires_at":5}`:                            `The field "expires_at" must be a time such as 2026-01-31T10:30:00Z; got a number.`,
		`{"grants":[{"actions":[],"actions":[]}]}`:    `The field "grants[0].actions" is given twice (line 1, column 26).`,
	} {
		var target struct {
			Grants    []grant           `json:"grants"`
			Options   map[string]string `json:"options"`
			Uses      *int64            `json:"uses"`
			Active    *bool             `json:"active"`
			ExpiresAt *time.Time        `json:"expires_at"`
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		err := DecodeBody(r, &target, false)
		if got := dataapi.AsError(err); got == nil || got.Detail != want {
			t.Errorf("%s\ngot  %v\nwant %s", body, err, want)
		}
	}
}
