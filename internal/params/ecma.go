package params

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
)

// ecmaPattern writes a regular expression of RE2, as contracts have them, as one of ECMA-262 that matches the same, which is what
// JSON Schema takes. Not ok: there is none that every validator knows.
//
// It is written from what RE2 has understood, with sets of characters in place of names such as \pL and [[:alpha:]]: those differ
// between the two, or are not in both.
func ecmaPattern(pattern string) (translated string, ok bool) {
	if pattern == "" || common.MatchString(pattern) && !strings.Contains(pattern, "(?") {
		return pattern, true
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	w := &ecmaWriter{ok: true}
	w.write(parsed)
	return w.text.String(), w.ok
}

// common matches expressions that mean the same in both, and stay as their authors have written them.
var common = regexp.MustCompile(`^(?:` +
	`[\^$|()A-Za-z0-9 _@:;,~"'<>=!%&#/-]` + // characters, and what groups and bounds them
	`|\\[dDwW.^$*+?()\[\]{}|\\/]` +
	`|\[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_ .@:;,]|\\[dDwW])+\]` +
	`|[*+?]\??|\{\d+(?:,\d*)?\}\??` +
	`)*$`)

type ecmaWriter struct {
	text strings.Builder
	ok   bool
}

func (w *ecmaWriter) write(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		w.text.WriteString("(?:)")
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			w.literal(r, re.Flags&syntax.FoldCase != 0)
		}
	case syntax.OpCharClass:
		w.class(re.Rune)
	case syntax.OpAnyCharNotNL:
		w.text.WriteString(`[^\n]`)
	case syntax.OpAnyChar:
		w.text.WriteString(`[\s\S]`)
	case syntax.OpBeginText:
		w.text.WriteByte('^')
	case syntax.OpEndText:
		w.text.WriteByte('$')
	case syntax.OpWordBoundary:
		w.text.WriteString(`\b`)
	case syntax.OpNoWordBoundary:
		w.text.WriteString(`\B`)
	case syntax.OpCapture:
		w.group(re.Sub[0])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		w.repeat(re)
	case syntax.OpConcat:
		for _, part := range re.Sub {
			if part.Op == syntax.OpAlternate {
				w.group(part)
				continue
			}
			w.write(part)
		}
	case syntax.OpAlternate:
		for i, choice := range re.Sub {
			if i > 0 {
				w.text.WriteByte('|')
			}
			w.write(choice)
		}
	default: // the beginnings and ends of lines, and what nothing matches
		w.ok = false
	}
}

func (w *ecmaWriter) group(re *syntax.Regexp) {
	w.text.WriteString("(?:")
	w.write(re)
	w.text.WriteByte(')')
}

func (w *ecmaWriter) repeat(re *syntax.Regexp) {
	switch repeated := re.Sub[0]; {
	case repeated.Op == syntax.OpCharClass, repeated.Op == syntax.OpAnyCharNotNL, repeated.Op == syntax.OpAnyChar,
		repeated.Op == syntax.OpLiteral && len(repeated.Rune) == 1:
		w.write(repeated)
	default:
		w.group(repeated)
	}
	switch {
	case re.Op == syntax.OpStar:
		w.text.WriteByte('*')
	case re.Op == syntax.OpPlus:
		w.text.WriteByte('+')
	case re.Op == syntax.OpQuest:
		w.text.WriteByte('?')
	case re.Max == re.Min:
		fmt.Fprintf(&w.text, "{%d}", re.Min)
	case re.Max < 0:
		fmt.Fprintf(&w.text, "{%d,}", re.Min)
	default:
		fmt.Fprintf(&w.text, "{%d,%d}", re.Min, re.Max)
	}
}

// literal writes a character, with those that differ from it in their case alone where that does not matter.
func (w *ecmaWriter) literal(r rune, fold bool) {
	ranges := []rune{r, r}
	if fold {
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			ranges = append(ranges, other, other)
		}
	}
	if len(ranges) > 2 {
		w.class(ranges)
		return
	}
	w.rune(r, `\^$.*+?()[]{}|/`)
}

// class writes a set of characters: ranges, each as its first and its last one. A set of most characters is written as what is
// not in it.
func (w *ecmaWriter) class(ranges []rune) {
	if len(ranges) == 0 {
		w.ok = false
		return
	}
	w.text.WriteByte('[')
	if last := len(ranges) - 1; len(ranges) > 2 && ranges[0] == 0 && ranges[last] == unicode.MaxRune {
		w.text.WriteByte('^')
		between := make([]rune, 0, len(ranges)-2)
		for i := 1; i < last; i += 2 {
			between = append(between, ranges[i]+1, ranges[i+1]-1)
		}
		ranges = between
	}
	for i := 0; i < len(ranges); i += 2 {
		w.rune(ranges[i], `\]^-[`)
		if ranges[i] == ranges[i+1] {
			continue
		}
		if ranges[i+1] > ranges[i]+1 {
			w.text.WriteByte('-')
		}
		w.rune(ranges[i+1], `\]^-[`)
	}
	w.text.WriteByte(']')
}

// rune writes a character, with a backslash before one of special, and by its number where nobody could see it.
func (w *ecmaWriter) rune(r rune, special string) {
	switch {
	case strings.ContainsRune(special, r):
		w.text.WriteByte('\\')
		w.text.WriteRune(r)
	case r < ' ' || r >= 0x7f && r < 0xa0:
		fmt.Fprintf(&w.text, `\x%02x`, r)
	case r >= 0xd800 && r < 0xe000:
		w.ok = false // no text has one alone
	default:
		w.text.WriteRune(r)
	}
}
