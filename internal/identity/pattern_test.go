package identity

import (
	"path"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

func TestValidPattern(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, valid := range []string{
		"*", "*/*", "default/*", "default/vendas", "default/vendas-*", "default/vendas*", "*/vendas", "def*/ven*",
		"a--b/c", long + "/" + long, long + "*/" + long + "*", long[:62] + "*/*", long[:61] + "-*/*", "0/9",
	} {
		if err := ValidPattern(valid); err != nil {
			t.Errorf("%q is refused: %v", valid, err)
		}
	}
	for _, invalid := range []string{
		"", "/", "**", "default", "default/", "/vendas", "default//vendas", "default/*/x", "*/*/*", "default/**",
		"default/v*s", "*vendas/x", "default/*vendas", "Default/*", "default/Vendas", "default/ven?as",
		"default/[a-z]*", `default/\*`, "default/.*", "default/..", "../x", " default/*", "default/* ", "default/*\n",
		"default/*\x00", "-a/b", "a-/b", "a/b-", "-*/b", long + "a/b", long + "a*/b", long[:62] + "-*/b", "défaut/*", "a_b/*",
		"acme/default/vendas", "default\\vendas", "%2a", "*\xff",
	} {
		err := ValidPattern(invalid)
		if err == nil {
			t.Errorf("%q is accepted", invalid)
			continue
		}
		if !strings.Contains(err.Error(), patternRule) {
			t.Errorf("%q: the error does not say what is allowed: %v", invalid, err)
		}
	}
}

func TestPermitMatches(t *testing.T) {
	paths := []string{
		"default/vendas", "default/vendas-por-regiao", "default/venda", "default2/vendas", "other/vendas",
		"default", "default/", "/vendas", "", "/", "default/vendas/x", "default//vendas", "default/vendas/", "/default/vendas",
	}
	for _, c := range []struct {
		patterns []string // nil: the grant names none
		want     []string
	}{
		{nil, paths[:5]},
		{[]string{"*"}, paths[:5]},
		{[]string{"*/*"}, paths[:5]},
		{[]string{"default/*"}, paths[:3]},
		{[]string{"default*/*"}, paths[:4]},
		{[]string{"default/vendas"}, paths[:1]},
		{[]string{"default/vendas*"}, paths[:2]},
		{[]string{"default/vendas-*"}, paths[1:2]},
		{[]string{"*/vendas"}, []string{paths[0], paths[3], paths[4]}},
		{[]string{"other/*", "default/venda"}, []string{paths[2], paths[4]}},
		{[]string{"nothing/*"}, nil},
	} {
		granted := permissions{}
		if err := granted.add(Grant{Actions: []dataapi.Action{dataapi.ActionExecute}, Endpoints: c.patterns}); err != nil {
			t.Fatal(err)
		}
		who := Principal{permissions: granted}
		want := strings.Join(c.want, ", ")
		var got []string
		for _, path := range paths {
			if who.Authorize(dataapi.ActionExecute, path) {
				got = append(got, path)
			}
			if who.Authorize(dataapi.ActionGetJob, path) || who.Authorize("", path) || who.Authorize("data_api:*", path) {
				t.Errorf("%q permits an action that it does not grant on %q", c.patterns, path)
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q permits %q, want %q", c.patterns, got, c.want)
		}
	}
}

// FuzzPattern compares the matcher with path.Match, which gives the same meaning to the little that is allowed.
func FuzzPattern(f *testing.F) {
	for _, pattern := range []string{"*", "default/*", "default/vendas-*", "*/x", "a/b", "a*/b*", "a/[b]", `a/\b`, "a/**"} {
		f.Add(pattern, "default/vendas-por-regiao")
		f.Add(pattern, "a/b")
		f.Add(pattern, "a/b/c")
	}
	f.Fuzz(func(t *testing.T, text, endpoint string) {
		parsed, err := parsePattern(text)
		if err != nil {
			return
		}
		granted := permissions{}
		if err := granted.add(Grant{Actions: []dataapi.Action{dataapi.ActionExecute}, Endpoints: []string{text}}); err != nil {
			t.Fatalf("%q is valid alone and not in a grant: %v", text, err)
		}
		who := Principal{permissions: granted}
		// Every valid pattern can match something: its own text with each * replaced by a character of a slug.
		if own := strings.ReplaceAll(text, "*", "0"); !parsed.all() && !who.Authorize(dataapi.ActionExecute, own) {
			longest := strings.ReplaceAll(text, "*", "")
			if !who.Authorize(dataapi.ActionExecute, longest) {
				t.Fatalf("%q matches neither %q nor %q", text, own, longest)
			}
		}
		namespace, slug, _ := strings.Cut(endpoint, "/")
		if !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug) {
			if strings.Count(endpoint, "/") != 1 && who.Authorize(dataapi.ActionExecute, endpoint) {
				t.Fatalf("%q permits %q, which names no endpoint", text, endpoint)
			}
			return
		}
		oracle := text
		if oracle == "*" {
			oracle = "*/*"
		}
		want, err := path.Match(oracle, endpoint)
		if err != nil {
			t.Fatalf("%q is valid here and not in path.Match: %v", text, err)
		}
		if got := who.Authorize(dataapi.ActionExecute, endpoint); got != want {
			t.Fatalf("%q on %q: %v, want %v", text, endpoint, got, want)
		}
	})
}
