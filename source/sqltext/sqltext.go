package sqltext

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// Kind sorts tokens.
type Kind uint8

// The kinds of token.
const (
	Space  Kind = iota // white space or a comment
	Quoted             // a text or a name in quotes; one that is not closed goes to the end
	Word               // a name, a keyword or a number
	At                 // @name, also one that no parameter has, such as @A and @1
	Other              // one character
)

// Rules say how a text is divided into tokens where databases differ. The zero value is SQL without extensions: comments
// do not nest, and a quote inside quotes is written twice. It is a [source.Dialect].
type Rules struct {
	NestedComments bool // /* /* */ */ is one comment
	DollarQuotes   bool // $tag$text$tag$
	EscapeStrings  bool // E'\''
	Backslashes    bool // '\'' and "\"" without E, as in MySQL
	HashComments   bool // # to the end of the line
	Backticks      bool // `name`
	Brackets       bool // [name]; without it, brackets are for arrays
}

var _ source.Dialect = Rules{}

// Next returns the kind of the token at sql[at], which must be inside of sql, and the offset behind it.
func (r Rules) Next(sql string, at int) (Kind, int) {
	switch c := sql[at]; {
	case c == ' ' || c >= '\t' && c <= '\r':
		return Space, at + 1
	case strings.HasPrefix(sql[at:], "--"), c == '#' && r.HashComments:
		return Space, after(sql, at, "\n")
	case strings.HasPrefix(sql[at:], "/*") && r.NestedComments:
		return Space, commentEnd(sql, at)
	case strings.HasPrefix(sql[at:], "/*"):
		return Space, after(sql, at+2, "*/")
	case c == '\'' || c == '"' || c == '`' && r.Backticks:
		return Quoted, quoteEnd(sql, at, r.Backslashes && c != '`')
	case c == '[' && r.Brackets:
		return Quoted, after(sql, at, "]")
	case c == '$' && r.DollarQuotes:
		if end := dollarEnd(sql, at); end > at+1 {
			return Quoted, end
		}
		return Other, at + 1
	case c == '@' && wordEnd(sql, at+1) > at+1:
		return At, wordEnd(sql, at+1)
	case wordByte(c):
		end := wordEnd(sql, at)
		for end < len(sql) && sql[end] == '$' { // a$1 is a name
			end = wordEnd(sql, end+1)
		}
		if r.EscapeStrings && strings.EqualFold(sql[at:end], "e") && end < len(sql) && sql[end] == '\'' {
			return Quoted, quoteEnd(sql, end, true)
		}
		return Word, end
	default:
		return Other, at + 1
	}
}

// Scan finds the parameters of a statement and what no database with these rules accepts: a statement that does not read, a
// second one, and parameters that are not written as @name. It takes no @ inside of a word or of @@ for a sure one.
func (r Rules) Scan(sql string) source.Reading {
	var reading source.Reading
	fault := func(offset int, format string, args ...any) {
		reading.Faults = append(reading.Faults, source.TextDiagnostic{Offset: offset, Message: fmt.Sprintf(format, args...)})
	}
	first, ended, refused := true, false, false
	glued := false // to a word or another @
	depth := 0     // of brackets: a[1:n] is a slice
	for at := 0; at < len(sql); {
		kind, end := r.Next(sql, at)
		switch {
		case kind == Space:
		case ended && !refused:
			fault(at, "only one statement is allowed: remove what follows its semicolon")
			refused = true
		case first && kind == Word && !reads(sql[at:end]):
			fault(at, "a statement must begin with SELECT, VALUES or WITH; this one begins with %s", dataapi.Echo(sql[at:end]))
		case kind == At:
			name := sql[at+1 : end]
			sure := !glued && (name[0] == '_' || name[0] >= 'a' && name[0] <= 'z')
			reading.Params = append(reading.Params, source.ParamUse{Name: name, Offset: at, Sure: sure})
		case kind != Other || refused:
		case sql[at] == ';':
			ended = true
		case sql[at] == '[':
			depth++
		case sql[at] == ']':
			depth--
		default:
			if placeholder := sql[at:max(at+1, placeholderEnd(sql, at, depth))]; len(placeholder) > 1 {
				reading.Faults = append(reading.Faults, source.TextDiagnostic{Offset: at, Message: advice(placeholder), Placeholder: true})
				end = at + len(placeholder)
			} else if strings.HasPrefix(sql[at:], "::") {
				end = at + 2
			}
		}
		glued = kind == Word || kind == At || kind == Other && sql[at] == '@'
		first = first && kind == Space
		at = end
	}
	return reading
}

func reads(word string) bool {
	return slices.ContainsFunc([]string{"SELECT", "VALUES", "WITH"}, func(k string) bool { return strings.EqualFold(k, word) })
}

// advice says how a parameter in another style is written here.
func advice(placeholder string) string {
	name := snakeCase(strings.TrimLeft(strings.Trim(placeholder, "{}"), "$#:?{ "))
	if !validName.MatchString(name) {
		name = "name"
	}
	return fmt.Sprintf("write a parameter as @%s, not as %s", name, dataapi.Echo(placeholder))
}

// validName is what a parameter may be called.
var validName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// snakeCase writes maxPrice and max-price as max_price.
func snakeCase(name string) string {
	var made strings.Builder
	pending, before := false, rune(0)
	for _, r := range name {
		pending = pending || unicode.IsUpper(r) && (unicode.IsLower(before) || unicode.IsDigit(before))
		before = r
		if r = unicode.ToLower(r); (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			pending = true
			continue
		}
		if pending && made.Len() > 0 {
			made.WriteByte('_')
		}
		pending = false
		made.WriteRune(r)
	}
	return made.String()
}

// braced matches what templates have: no database knows braces outside of quotes.
var braced = regexp.MustCompile(`^(?:\{\{[^{}]*\}\}|[$#]?\{[^{}]*\})`)

// placeholderEnd returns the offset behind a parameter in a style other than @name, or 0. A question mark alone can be
// an operator.
func placeholderEnd(sql string, at, depth int) int {
	if strings.IndexByte("{$#", sql[at]) >= 0 {
		if found := braced.FindString(sql[at:]); found != "" {
			return at + len(found)
		}
	}
	end := wordEnd(sql, at+1)
	if end == at+1 {
		return 0
	}
	switch next := sql[at+1]; {
	case sql[at] == '$', sql[at] == ':' && depth == 0, sql[at] == '?' && digit(next):
		return end
	}
	return 0
}

func wordByte(c byte) bool {
	return c == '_' || digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func wordEnd(sql string, at int) int {
	for at < len(sql) && wordByte(sql[at]) {
		at++
	}
	return at
}

// after returns the offset after the next occurrence of mark, or the end.
func after(sql string, at int, mark string) int {
	if found := strings.Index(sql[min(at, len(sql)):], mark); found >= 0 {
		return at + found + len(mark)
	}
	return len(sql)
}

// commentEnd returns the offset after a block comment in which others may nest.
func commentEnd(sql string, at int) int {
	depth := 0
	for at < len(sql) {
		switch {
		case strings.HasPrefix(sql[at:], "/*"):
			depth++
			at += 2
		case strings.HasPrefix(sql[at:], "*/"):
			depth--
			at += 2
			if depth == 0 {
				return at
			}
		default:
			at++
		}
	}
	return at
}

// quoteEnd returns the offset after quoted text; a doubled quote inside of it begins the next one, which is as good.
func quoteEnd(sql string, at int, backslashes bool) int {
	quote := sql[at]
	for at++; at < len(sql); at++ {
		switch {
		case backslashes && sql[at] == '\\':
			at++
		case sql[at] == quote:
			return at + 1
		}
	}
	return len(sql)
}

// dollarEnd returns the offset after dollar-quoted text, or after the dollar when it opens none.
func dollarEnd(sql string, at int) int {
	end := wordEnd(sql, at+1)
	if end == len(sql) || sql[end] != '$' || digit(sql[at+1]) { // $1 is a parameter's number
		return at + 1
	}
	return after(sql, end+1, sql[at:end+1])
}
