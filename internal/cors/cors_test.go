package cors

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestCheckOrigin(t *testing.T) {
	for origin, good := range map[string]bool{
		"https://app.example": true, "http://localhost:5173": true, "*": true, "https://xn--bcher-kva.example:8443": true, "http://[::1]:3000": true,
		"moz-extension://0f8fad5b-d9cb-469f-a165-70867728950e": true,
		"https://app.example/":                                 false, "https://app.example/x": false, "app.example": false, "https://App.example": false, "https://*.example": false,
		"https://app.example:443": false, "http://app.example:80": false, "null": false, "": false, "https://": false, "https://a@b.example": false,
		"https://app.example?x": false,
	} {
		if err := CheckOrigin(origin); (err == nil) != good {
			t.Errorf("%q: %v", origin, err)
		}
	}
}

// Origins that are named, and no other, get what browsers want to see; credentials are never allowed.
func TestApply(t *testing.T) {
	for _, origins := range [][]string{{"https://app.example"}, {"*"}, {"https://app.example", "https://other.example"}} {
		policy := New(origins, time.Hour)
		for origin, allowed := range map[string]bool{
			"https://app.example": true, "https://evil.example": origins[0] == "*", "https://app.example.evil.example": origins[0] == "*", "null": origins[0] == "*",
		} {
			for _, preflight := range []bool{false, true} {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
				r.Header.Set("Origin", origin)
				if preflight {
					r.Method = http.MethodOptions
					r.Header.Set("Access-Control-Request-Method", http.MethodDelete)
					r.Header.Set("Access-Control-Request-Headers", "authorization,idempotency-key,prefer")
				}
				w := httptest.NewRecorder()
				if answered := policy.Apply(w, r); answered != preflight || preflight && w.Code != http.StatusNoContent {
					t.Errorf("%v %s: answered: %t with %d", origins, origin, answered, w.Code)
				}
				got := w.Header()
				if (got.Get("Access-Control-Allow-Origin") != "") != allowed || got.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%v %s, preflight %t: %v", origins, origin, preflight, got)
				}
				if allowed && preflight && (got.Get("Access-Control-Allow-Methods") != http.MethodDelete || got.Get("Access-Control-Max-Age") != "3600" ||
					got.Get("Access-Control-Allow-Headers") != "authorization,idempotency-key,prefer") {
					t.Errorf("%v %s: a preflight gets %v", origins, origin, got)
				}
				if allowed && !preflight && got.Get("Access-Control-Expose-Headers") != "*" {
					t.Errorf("%v %s: an answer has %v", origins, origin, got)
				}
			}
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/", nil)
	if New([]string{"*"}, 0).Apply(httptest.NewRecorder(), r) {
		t.Error("OPTIONS without an origin is taken for a preflight")
	}
}
