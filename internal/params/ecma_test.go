package params

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

func TestPatternsAsECMAHasThem(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                  "",
		`^[A-Z]{2}$`:        `^[A-Z]{2}$`, // as it is written: it means the same
		`^\d{3}-\d+$`:       `^\d{3}-\d+$`,
		`^s42_\w+(a|b)?$`:   `^s42_\w+(a|b)?$`,
		`^.*ç`:              `^[^\n]*ç`,
		`(?i)^sul$`:         `^[Ssſ][Uu][Ll]$`,
		`\A\pN\z`:           "",
		`^(?P<day>\d\d)$`:   `^(?:[0-9][0-9])$`,
		`^\Qa.b\E$`:         `^a\.b$`,
		`^[[:alpha:]_]+$`:   `^[A-Z_a-z]+$`,
		`^[^/]+$`:           `^[^/]+$`,
		`^\x{e9}\x{1F600}$`: "^é\U0001F600$",
		`^a{2,}?b*?$`:       `^a{2,}?b*?$`,
		`^\s+$`:             `^[\x09\x0a\x0c\x0d ]+$`,
		`a{,2}`:             `a\{,2\}`,
		`^(?:a|b)c$`:        `^[ab]c$`,
		`^(?:ab|cd)e$`:      `^(?:ab|cd)e$`,
		`\ba\B`:             `\ba\B`,
		`(?s)^.$`:           `^[\s\S]$`,
		`^[\]\-^]$`:         `^[\-\]\^]$`,
		`^[\x00-\x1f]$`:     `^[\x00-\x1f]$`,
	} {
		got, ok := ecmaPattern(pattern)
		if want != "" && (!ok || got != want) {
			t.Errorf("%s: %s, %v; want %s", pattern, got, ok, want)
		}
		if _, err := regexp.Compile(got); err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	for _, pattern := range []string{`(?m)^a$`, `[^\x00-\x{10FFFF}]`} {
		if got, ok := ecmaPattern(pattern); ok {
			t.Errorf("%s is said to be %s", pattern, got)
		}
	}
}

// A translated pattern matches what the pattern does. Both are read by package regexp: what is written is in both languages.
func TestTranslatedPatternsMatchTheSame(t *testing.T) {
	atoms := []string{
		"a", "B", "ç", ".", `\d`, `\s`, `\S`, `\w`, `[^a]`, `[[:alpha:]]`, `[a-c\-]`, `\pL`, `\PN`, `(?:a|bc)`, `(?i:k)`, `(?P<n>b)`, `\.`, `[^\n]`, `\Q+\E`, "é", "^", "$", `\b`,
	}
	counts := []string{"", "", "*", "+?", "?", "{2}", "{1,2}", "{0,}"}
	rapid.Check(t, func(t *rapid.T) {
		pattern := ""
		for range rapid.IntRange(1, 5).Draw(t, "atoms") {
			atom := rapid.SampledFrom(atoms).Draw(t, "atom")
			pattern += atom
			if atom != "^" && atom != "$" && atom != `\b` {
				pattern += rapid.SampledFrom(counts).Draw(t, "count")
			}
		}
		translated, ok := ecmaPattern(pattern)
		if !ok {
			t.Fatalf("%s is not translated", pattern)
		}
		text := rapid.StringOf(rapid.SampledFrom([]rune("aABbcçÉé1+. \n-kKK\r_"))).Draw(t, "text")
		if want := regexp.MustCompile(pattern).MatchString(text); regexp.MustCompile(translated).MatchString(text) != want {
			t.Fatalf("%q: %s says %v, %s not", text, pattern, want, translated)
		}
	})
}
