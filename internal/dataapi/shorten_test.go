package dataapi_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

func TestShorten(t *testing.T) {
	for _, text := range []string{"", "short", strings.Repeat("x", 50), strings.Repeat("é", 50), strings.Repeat("日本", 50), strings.Repeat("😀", 50), "a\xffb"} {
		for most := range 60 {
			got := dataapi.Shorten(text, most)
			switch {
			case !utf8.ValidString(got):
				t.Errorf("%q to %d: %q is cut inside a character", text, most, got)
			case len(got) > most+len("..."):
				t.Errorf("%q to %d: %d bytes", text, most, len(got))
			case len(text) <= most && utf8.ValidString(text) && got != text:
				t.Errorf("%q to %d: %q", text, most, got)
			case len(text) > most && utf8.ValidString(text) && (!strings.HasSuffix(got, "...") || len(got) < most):
				t.Errorf("%q to %d: %q", text, most, got)
			}
		}
	}
	if got := dataapi.Shorten("a\xff\xfeb", 10); got != "a?b" {
		t.Errorf("got %q", got)
	}
}

func TestEcho(t *testing.T) {
	for _, text := range []string{"", "short", strings.Repeat("x", dataapi.MaxEcho), strings.Repeat("日", dataapi.MaxEcho)} {
		if got := dataapi.Echo(text); got != text {
			t.Errorf("got %q", got)
		}
	}
	if got, want := dataapi.Echo(strings.Repeat("日", dataapi.MaxEcho+1)), strings.Repeat("日", dataapi.MaxEcho)+dataapi.Ellipsis; got != want {
		t.Errorf("got %q", got)
	}
}
