package dataapi_test

import (
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

func TestNearest(t *testing.T) {
	words := []string{"max_items", "minimum", "maximum", "pattern", "id", "api_key"}
	for word, want := range map[string]string{
		"maxItems": "max_items", "MAX-ITEMS": "max_items", "maxium": "maximum", "Minimum": "minimum", "patern": "pattern",
		"apiKey": "api_key", "ids": "id", "ID": "id", "max": "", "": "", "zzz": "", strings.Repeat("pattern", 1000): "", "pätern": "pattern",
	} {
		if got := dataapi.Nearest(word, words); got != want {
			t.Errorf("%.30q: got %q, want %q", word, got, want)
		}
	}
	if got := dataapi.Nearest("a", nil); got != "" {
		t.Errorf("of no words: %q", got)
	}
}

func TestListing(t *testing.T) {
	for want, words := range map[string][]string{"none": nil, "a": {"a"}, "a and b": {"a", "b"}, "a, b and c": {"a", "b", "c"}} {
		if got := dataapi.Listing(words); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBeside(t *testing.T) {
	for name, test := range map[string]struct {
		names []string
		want  string
	}{
		"acmee": {[]string{"acme", "globex"}, `; did you mean "acme"?`},
		"x":     {[]string{"acme", "globex"}, "; there is acme and globex."},
		"y":     {nil, "; there is none."},
		"z":     {make([]string, 21), "; there are 21 others."},
	} {
		if got := dataapi.Beside(name, test.names); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
