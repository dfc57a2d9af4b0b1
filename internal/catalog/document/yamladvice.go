package document

import (
	"regexp"
	"strings"
)

// The parser words mistakes from its own point of view. Here they are put into an author's, each with a way out.

const (
	adviceColumn  = "this line does not begin where its neighbours do: the keys of one map begin in one column, indented with spaces"
	adviceColon   = `a key needs a colon and a space behind it, such as "source: demo"`
	adviceBracket = "%s closes nothing here: remove it, or put quotes around the text"
)

// advices are by a part of the parser's message; the first one counts.
var advices = []struct{ part, advice string }{
	{"found character '\t'", "a tab begins here; indent with spaces"},
	{"map key-value is pre-defined", `text ends with its closing quote; to have a quote inside, write it twice in '...' or as \" in "..."`},
	{"unexpected key name", adviceColon},
	{"could not find expected ':'", adviceColon},
	{"',' or '}' must be specified", "the map in braces is not closed: a comma is missing here, or } at its end"},
	{"flow mapping end token", "the map that begins here is not closed: } is missing"},
	{"',' or ']' must be specified", "the list in brackets is not closed: a comma is missing here, or ] at its end"},
	{"sequence end token", "the list that begins here is not closed: ] is missing"},
	{"corresponding to ']'", strings.Replace(adviceBracket, "%s", "]", 1)},
	{"corresponding to '}'", strings.Replace(adviceBracket, "%s", "}", 1)},
	{"could not find flow map content", "put quotes around text that begins with {"},
	{"unexpected scalar value type", "a value is missing here"},
	{"is a reserved character", "put quotes around text that begins with @ or `"},
	{"directive", "put quotes around text that begins with %"},
	{"anchor", "anchors (&name) are not allowed: write the value out, or put quotes around text that begins with &"},
	{"alias", "aliases (*name) are not allowed: write the value out, or put quotes around text that begins with *"},
	{"tag", "tags (!name) are not allowed: leave it out, or put quotes around text that begins with !"},
	{"invalid header option", "| and > announce a text of several lines, which begins in the next one; put quotes around text that begins with them"},
	{"block sequence entries are not allowed", "an entry of a list begins a line, or write it as [a, b]; put quotes around text that begins with a hyphen"},
	{"found an invalid key", "a key must be text, without brackets and braces"},
	{"unknown escape character", "\\ begins an escape in double quotes: write it twice, or use single quotes"},
	{"end character of double-quoted text", `the text that begins here is not closed: " is missing at its end`},
	{"end character of single-quoted text", "the text that begins here is not closed: ' is missing at its end; inside of it a quote is written twice"},
}

// secondPair matches a key and its value that begin in a line behind another key.
var secondPair = regexp.MustCompile(`:(\s|$)`)

// syntaxAdvice words a message of the parser. Rest is the text at its place, up to the end of the line.
func syntaxAdvice(message, rest string) string {
	for _, known := range advices {
		if strings.Contains(message, known.part) {
			return known.advice
		}
	}
	switch first, _, _ := strings.Cut(strings.TrimSpace(rest), " "); {
	case strings.Contains(message, "mapping value is not allowed"):
		if secondPair.MatchString(rest) {
			return `a second "key: value" begins in this line; put quotes around text that contains a colon and a space, such as "a: b", ` +
				"or write a map as { key: value }"
		}
		return "the next line is indented deeper than this key, and holds a key too: the keys of one map begin in one column"
	case !strings.Contains(message, "value is not allowed in this context") && !strings.Contains(message, "non-map value is specified"):
		return message
	case first == "}" || first == "]" || strings.HasPrefix(first, "}") || strings.HasPrefix(first, "]"):
		return strings.Replace(adviceBracket, "%s", first[:1], 1)
	case first == "-":
		return "an entry of a list is among the keys of a map: a map is written key: value, a list as lines that begin with a hyphen"
	case !secondPair.MatchString(rest):
		return adviceColon
	default:
		return adviceColumn
	}
}
