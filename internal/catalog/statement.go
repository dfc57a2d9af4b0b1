package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/params"
)

// use is a parameter in a statement.
type use struct {
	name   string
	offset int
}

// parameterUses finds the parameters that a statement has in every dialect. It takes no @ inside of a word or of @@ for
// one.
func parameterUses(sql string) []use {
	return inEach(func(d dialect) []use { return d.uses(sql) })
}

// inEach returns what is found in every dialect.
func inEach[T comparable](find func(dialect) []T) []T {
	found := find(dialects[0])
	for _, other := range dialects[1:] {
		also := make(map[T]bool)
		for _, one := range find(other) {
			also[one] = true
		}
		found = slices.DeleteFunc(found, func(one T) bool { return !also[one] })
	}
	return found
}

func (d dialect) uses(sql string) []use {
	var uses []use
	glued := false // to a word or another @
	for i := 0; i < len(sql); {
		kind, end := d.nextToken(sql, i)
		if name := sql[i+1 : end]; kind == tokenAt && !glued && (name[0] == '_' || name[0] >= 'a' && name[0] <= 'z') {
			uses = append(uses, use{name, i})
		}
		glued = kind == tokenWord || kind == tokenAt || kind == tokenOther && sql[i] == '@'
		i = end
	}
	return uses
}

// mentions returns the parameters that a statement may use: @name stands outside of comments and quotes in some dialect.
func mentions(sql string) map[string]bool {
	names := make(map[string]bool)
	for _, d := range dialects {
		for i := 0; i < len(sql); {
			kind, end := d.nextToken(sql, i)
			if kind == tokenAt {
				names[sql[i+1:end]] = true
			}
			i = end
		}
	}
	return names
}

// statementFault is what is wrong with a statement whatever database it is for.
type statementFault struct {
	offset      int
	message     string
	placeholder bool // a parameter in another style than @name
}

// statementFaults finds what no source accepts: a statement that does not read, a second one, and parameters that are not
// written as @name. It returns only what each dialect refuses.
func statementFaults(sql string) []statementFault {
	return inEach(func(d dialect) []statementFault { return d.faults(sql) })
}

func (d dialect) faults(sql string) []statementFault {
	var faults []statementFault
	fault := func(offset int, format string, args ...any) {
		faults = append(faults, statementFault{offset: offset, message: fmt.Sprintf(format, args...)})
	}
	first, ended := true, false
	depth := 0 // of brackets: a[1:n] is a slice
	for i := 0; i < len(sql); {
		kind, end := d.nextToken(sql, i)
		switch {
		case kind == tokenSpace:
		case ended:
			fault(i, "only one statement is allowed: remove what follows its semicolon")
			return faults
		case first && kind == tokenWord && !reads(sql[i:end]):
			fault(i, "a statement must begin with SELECT, VALUES or WITH; this one begins with %s", shorten(sql[i:end]))
		case kind != tokenOther:
		case sql[i] == ';':
			ended = true
		case sql[i] == '[':
			depth++
		case sql[i] == ']':
			depth--
		default:
			if placeholder := sql[i:max(i+1, placeholderEnd(sql, i, depth))]; len(placeholder) > 1 {
				faults = append(faults, statementFault{i, placeholderAdvice(placeholder), true})
				end = i + len(placeholder)
			} else if strings.HasPrefix(sql[i:], "::") {
				end = i + 2
			}
		}
		first = first && kind == tokenSpace
		i = end
	}
	return faults
}

func reads(word string) bool {
	return slices.ContainsFunc([]string{"SELECT", "VALUES", "WITH"}, func(k string) bool { return strings.EqualFold(k, word) })
}

// placeholderAdvice says how a parameter in another style is written here.
func placeholderAdvice(placeholder string) string {
	name := joined(strings.TrimLeft(strings.Trim(placeholder, "{}"), "$#:?{ "), "_")
	if !params.ValidName(name) {
		name = "name"
	}
	return fmt.Sprintf("write a parameter as @%s, not as %s", name, shorten(placeholder))
}

// bracedPlaceholder matches what templates have: no database knows braces outside of quotes.
var bracedPlaceholder = regexp.MustCompile(`^(?:\{\{[^{}]*\}\}|[$#]?\{[^{}]*\})`)

// placeholderEnd returns the offset behind a parameter in a style other than @name, or 0. A question mark alone can be
// an operator.
func placeholderEnd(sql string, i, depth int) int {
	if strings.IndexByte("{$#", sql[i]) >= 0 {
		if braced := bracedPlaceholder.FindString(sql[i:]); braced != "" {
			return i + len(braced)
		}
	}
	end := wordEnd(sql, i+1)
	if end == i+1 {
		return 0
	}
	switch next := sql[i+1]; {
	case sql[i] == '$', sql[i] == ':' && depth == 0, sql[i] == '?' && digit(next):
		return end
	}
	return 0
}
