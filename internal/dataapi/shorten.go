package dataapi

import (
	"strings"
	"unicode/utf8"
)

// Shorten keeps a text short that a log or an answer repeats: of one that is longer, at most so many bytes are kept and "..."
// is added. It never cuts inside a character, and what is not UTF-8 becomes question marks, one for each run of it.
func Shorten(text string, most int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= most {
		return text
	}
	end := most
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}

const (
	// MaxEcho is the most characters that [Echo] repeats.
	MaxEcho = 60

	// Ellipsis is where a message leaves something out.
	Ellipsis = "…"
)

// Echo is what a message repeats of a text that an author or a caller has written: its beginning, when it is long.
func Echo(text string) string {
	if len(text) <= MaxEcho || utf8.RuneCountInString(text) <= MaxEcho {
		return text
	}
	end := 0
	for range MaxEcho {
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	return text[:end] + Ellipsis
}
