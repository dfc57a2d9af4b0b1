package dataapi_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// slugPattern says the same as ValidSlug, which is on the way of every request and needs no machine.
var slugPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func FuzzValidSlug(f *testing.F) {
	for _, s := range []string{
		"", "a", "-", "a-", "-a", "a-b", "0", "vendas-por-regiao", "A", "a_b", "a.b", "a/b", "a b", "a\n", "\x00", "é", "aé", "../x",
		strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 62) + "-", strings.Repeat("-", 63), "`", "{", "a:", "a/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := dataapi.ValidSlug(s), slugPattern.MatchString(s); got != want {
			t.Errorf("ValidSlug(%q) is %t", s, got)
		}
	})
}

// TestAddressesAreOrderedAsTheirTexts: what is read page by page goes on behind a text.
func TestAddressesAreOrderedAsTheirTexts(t *testing.T) {
	slugs := []string{"a", "a-b", "ab", "a0", "b", "a-", "aa-1"}
	var all []dataapi.Address
	for _, company := range slugs {
		for _, namespace := range slugs {
			for _, slug := range slugs {
				all = append(all, dataapi.Address{Company: company, Namespace: namespace, Slug: slug})
			}
		}
	}
	for _, a := range all {
		for _, b := range all {
			if got, want := a.Compare(b), strings.Compare(a.String(), b.String()); got != want {
				t.Fatalf("%s and %s: %d, and the texts %d", a, b, got, want)
			}
			if got, want := a.ComparePath(b), strings.Compare(a.Path(), b.Path()); got != want {
				t.Fatalf("%s and %s: %d, and the texts %d", a.Path(), b.Path(), got, want)
			}
		}
	}
}
