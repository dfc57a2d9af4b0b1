package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
)

func decodeText(t testing.TB, body string) (executeRequest, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	var request executeRequest
	err := respond.DecodeBody(r, &request, true)
	return request, err
}

func TestDecodeBodySaysWhereAFaultIs(t *testing.T) {
	for body, want := range map[string]string{
		`{"parameter_values":{},"parameter_values":{}}`: `The field "parameter_values" is given twice (line 1, column 24).`,
		"{\n  \"callback_url\": nul }":                  `The body is not valid JSON: invalid character ' ' in literal null (expecting 'l') (line 2, column 22).`,
		`{"parameter_values":{`:                         "The JSON ends early (line 1, column 22).",
		`{"root":2}`:                                    `The field "root" is not known here. Known are parameter_values and callback_url; the endpoint's parameters belong inside parameter_values.`,
		`{"parameter_value":{}}`:                        `The field "parameter_value" is not known here; did you mean parameter_values? Known are parameter_values and callback_url; the endpoint's parameters belong inside parameter_values.`,
		`{"callbackUrl":"x"}`:                           `The field "callbackUrl" is not known here; did you mean callback_url? Known are parameter_values and callback_url; the endpoint's parameters belong inside parameter_values.`,
		`null`:                                          "The body must be one JSON object; got null.",
		` null `:                                        "The body must be one JSON object; got null.",
		`nul`:                                           "The JSON ends early (line 1, column 4).",
		`[]`:                                            "The body must be one JSON object; got an array.",
		`{"callback_url":5}`:                            `The field "callback_url" must be a string; got a number.`,
	} {
		_, err := decodeText(t, body)
		if got := dataapi.AsError(err); got == nil || got.Code != dataapi.CodeInvalidRequest || got.Detail != want {
			t.Errorf("%s\ngot  %v\nwant %s", body, err, want)
		}
	}
}

// FuzzDecodeBody: whatever the body is, it is refused as an invalid request in plain words, or it was one JSON object of
// valid UTF-8 and nothing but known fields.
func FuzzDecodeBody(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"parameter_values":{"regiao":"Sul"},"callback_url":"https://example.com/x"}`, `{"parameter_values":null}`,
		`{"parameter_values":{"a":1,"a":2}}`, `{"callback_url":"\ud800"}`, "{\"callback_url\":\"\xff\"}", `{"callback_url":5}`, `[1]`, `{} {}`,
		`{"parameter_values":` + strings.Repeat("[", 200), "\ufeff{}", `{"parameter_values":1e999}`, `{"Parameter_Values":{}}`, "{\n\n\"x\":1}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		request, err := decodeText(t, body)
		if err != nil {
			failure := dataapi.AsError(err)
			if failure.Code != dataapi.CodeInvalidRequest || failure.Detail == "" || !utf8.ValidString(failure.Detail) || len(failure.Detail) > 400 {
				t.Errorf("%q is refused with %s %q", body, failure.Code, failure.Detail)
			}
			return
		}
		if body == "" {
			return
		}
		if !utf8.ValidString(body) {
			t.Errorf("%q is accepted", body)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &fields); err != nil || fields == nil {
			t.Fatalf("%q is accepted: %v", body, err)
		}
		for name := range fields {
			if name != "parameter_values" && name != "callback_url" {
				t.Errorf("%q is accepted with the field %q", body, name)
			}
		}
		if want := fields["parameter_values"]; !bytes.Equal(bytes.TrimSpace(want), request.ParameterValues) {
			t.Errorf("parameter_values are %q, want %q", request.ParameterValues, want)
		}
	})
}
