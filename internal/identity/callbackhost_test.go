package identity_test

import (
	"testing"

	"github.com/solucao42/caddy-data-api/internal/identity"
)

func TestCallbackHosts(t *testing.T) {
	company := &identity.Company{CallbackHosts: []string{"hooks.example.com", "*.globex.net", "192.0.2.7", "2001:db8::1"}}
	for url, want := range map[string]bool{
		"https://hooks.example.com/a":           true,
		"https://HOOKS.Example.com:443/a":       true,
		"https://hooks.example.com./a":          true,
		"https://a.globex.net/":                 true,
		"https://a.b.globex.net/":               true,
		"http://192.0.2.7:3101/":                true,
		"https://[2001:db8::1]/":                true,
		"https://globex.net/":                   false,
		"https://notglobex.net/":                false,
		"https://hooks.example.com.evil.net/":   false,
		"https://evil.net/hooks.example.com":    false,
		"https://evil.net?hooks.example.com":    false,
		"https://hooks.example.com@evil.net/":   false,
		"https://evil.net#hooks.example.com":    false,
		"https://evil.net\\@hooks.example.com/": false,
		"https://192.0.2.71/":                   false,
		"":                                      false,
		"https://\x00/":                         false,
	} {
		if err := company.CheckCallback(url); (err == nil) != want {
			t.Errorf("%q: %v", url, err)
		}
		if err := new(identity.Company).CheckCallback(url); err != nil {
			t.Errorf("without a list %q is refused: %v", url, err)
		}
	}
	for entry, want := range map[string]bool{
		"hooks.example.com": true, "*.example.com": true, "localhost": true, "192.0.2.7": true, "2001:db8::1": true,
		"": false, "*": false, "*.": false, "*.com": false, "a.*.com": false, "https://a.com": false, "a.com:443": false,
		"A.com": false, "a..com": false, "a.com/": false, "*a.com": false,
	} {
		if got := identity.ValidCallbackHost(entry); got != want {
			t.Errorf("%q: %v", entry, got)
		}
	}
}
