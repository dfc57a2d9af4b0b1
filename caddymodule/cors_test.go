package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"
)

// Pages of another origin get through by the option, and by each of the ways that users of Caddy know; without any of them, by none.
func TestPreflights(t *testing.T) {
	s := serveSite(t, "\tdata_api", map[string]string{"one": sayOne})
	const origin, path = "https://app.example", "/api/v1/data-api/default/one/execute"
	for name, test := range map[string]struct {
		block   string
		allowed bool
	}{
		"nothing": {"\tdata_api", false},
		"cors":    {"\tdata_api {\n\t\tcors {\n\t\t\torigins " + origin + "\n\t\t}\n\t}", true},
		"respond": {"\theader Access-Control-Allow-Origin " + origin + "\n\theader Access-Control-Allow-Headers Authorization\n\t@preflight method OPTIONS\n\trespond @preflight 204\n\tdata_api", true},
		"handle": {"\t@options method OPTIONS\n\theader Access-Control-Allow-Origin " + origin + "\n\thandle @options {\n\t\theader Access-Control-Allow-Headers Authorization\n" +
			"\t\trespond 204\n\t}\n\tdata_api", true},
		"handles": {"\theader Access-Control-Allow-Origin " + origin + "\n\t@options method OPTIONS\n\thandle @options {\n\t\trespond 204\n\t}\n\thandle {\n\t\tdata_api\n\t}", true},
	} {
		s.mustServe(test.block, catalogOf(t, map[string]string{"one": sayOne}))
		for _, asked := range []string{path, "/api/v1/auth/api-key"} {
			preflight, _ := s.send(http.MethodOptions, asked, "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
			if allowed := preflight.StatusCode == http.StatusNoContent && preflight.Header.Get("Access-Control-Allow-Origin") == origin; allowed != test.allowed {
				t.Errorf("%s: a preflight for %s gets %d %v", name, asked, preflight.StatusCode, preflight.Header)
			}
			// The answers that follow, refusals too, can be read.
			answer, body := s.send(http.MethodPost, asked, "{}", "Origin", origin)
			if readable := answer.Header.Get("Access-Control-Allow-Origin") == origin; readable != test.allowed || !strings.Contains(body, `"code":`) {
				t.Errorf("%s: %s answers %d %v %s", name, asked, answer.StatusCode, answer.Header, body)
			}
		}
		other, _ := s.send(http.MethodOptions, path, "")
		if other.StatusCode != http.StatusUnauthorized && name != "handles" {
			t.Errorf("%s: OPTIONS that is no preflight gets %d", name, other.StatusCode)
		}
	}
	s.mustServe("\tdata_api {\n\t\tcors {\n\t\t\torigins "+origin+"\n\t\t}\n\t}", catalogOf(t, map[string]string{"one": sayOne}))
	refused, _ := s.send(http.MethodOptions, path, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	if refused.Header.Get("Access-Control-Allow-Origin") != "" || refused.Header.Get("X-Request-Id") == "" {
		t.Errorf("another origin gets %v", refused.Header)
	}
}
