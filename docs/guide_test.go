// Package docs_test holds the documentation to what it promises.
package docs_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// guide.md is the consumer guide as it was handed out, in Markdown: the same words in the same order, the same commands.
// What is left out are words of the page that the text was copied from.
func TestTheGuideHasItsWords(t *testing.T) {
	original := strings.TrimPrefix(read(t, "../internal/e2e/testdata/guide.txt"), "Skip to main content\n")
	original = regexp.MustCompile(`(?m)^(info|tip)\n`).ReplaceAllString(original, "")
	guide := regexp.MustCompile("(?m)^```(sh|json|)\n").ReplaceAllString(read(t, "guide.md"), "")
	if got, want := words(guide), words(original); got != want {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		t.Errorf("guide.md differs: got %.80q, want %.80q", got[max(0, at-20):], want[max(0, at-20):])
	}
	if got, want := commands(guide), commands(original); !slices.Equal(got, want) || len(got) != 7 {
		t.Errorf("%d commands\n%q\nwant\n%q", len(got), got, want)
	}
}

// words are the letters and digits of a text: the copy has lost the space between a table's cells.
func words(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text)
}

// commands are those for a shell, each up to the end of its quoted body, with white space as one space.
func commands(text string) []string {
	var list []string
	for _, command := range regexp.MustCompile(`(?m)^(?:export|curl) (?:[^\n']*\\\n)*(?:[^\n']*'[^']*'|[^\n']*)`).FindAllString(text, -1) {
		list = append(list, strings.Join(strings.Fields(command), " "))
	}
	return list
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
