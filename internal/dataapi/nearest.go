package dataapi

import (
	"fmt"
	"strings"
)

// Nearest returns the one of the words that was probably meant by another, or "" when none is near: it differs in case, in
// what joins its parts (max-items, maxItems and max_items), or by at most two letters, and fewer than half of its own.
func Nearest(word string, words []string) string {
	best, least, written := "", 3, bare(word)
	for _, candidate := range words {
		if len(word) > 2*len(candidate)+2 {
			continue
		}
		if edits := distance(written, bare(candidate)); edits < least && 2*edits < len(candidate)+1 {
			best, least = candidate, edits
		}
	}
	return best
}

// DidYouMean asks for the word that was probably meant, in the middle of a sentence; it is empty when none is near.
func DidYouMean(word string, words []string) string {
	if near := Nearest(word, words); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// joints are what joins the parts of a word.
var joints = strings.NewReplacer("_", "", "-", "", " ", "")

// bare is a word without case and without what joins its parts.
func bare(word string) string { return strings.ToLower(joints.Replace(word)) }

// distance is the number of letters to insert, drop or replace to turn a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// Listing joins words as a sentence does: a, b and c.
func Listing(words []string) string {
	switch len(words) {
	case 0:
		return "none"
	case 1:
		return words[0]
	default:
		last := len(words) - 1
		return strings.Join(words[:last], ", ") + " and " + words[last]
	}
}

// Beside ends a sentence about a name that is not there: with the name that was probably meant, or those that there are,
// or how many they are.
func Beside(name string, names []string) string {
	const most = 20
	switch near := Nearest(name, names); {
	case near != "":
		return fmt.Sprintf("; did you mean %q?", near)
	case len(names) > most:
		return fmt.Sprintf("; there are %d others.", len(names))
	case len(names) == 0:
		return "; there is none."
	default:
		return "; there is " + Listing(names) + "."
	}
}
