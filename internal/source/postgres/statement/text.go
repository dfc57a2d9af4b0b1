package statement

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/source"
)

// Text is a statement's SQL as the database gets it: with $n for @name.
type Text struct {
	Original string
	SQL      string
	Bare     string // sql with blanks for the semicolons that end it, so that it can be inside parentheses
	Order    []int  // the index in Statement.Params of $1, $2, ...
	Edits    []edit // in order
}

// edit is one replacement.
type edit struct {
	From, FromEnd int // in original
	to, toEnd     int // in sql
}

// Comment is what a statement begins with when it runs, so that pg_stat_activity and the server's log show whose it is. It is a
// part of the prepared text, and so costs a run nothing. A name that could end the comment is left out.
func Comment(name string) string {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return r >= utf8.RuneSelf || !inIdentifier(byte(r)) && r != '/' && r != '-' && r != '.'
	}) {
		return ""
	}
	return "/* " + name + " */ "
}

// token is a piece of the original outside strings, quoted names and comments that concerns us: @name, $1 or ;.
type token struct {
	start, end int
	name       string // of @name
}

// Compile replaces @name by $n, and refuses what would not mean what it seems to.
func Compile(sql string, declared []source.Param) (Text, error) {
	if !utf8.ValidString(sql) || strings.ContainsRune(sql, 0) {
		return Text{}, &source.StatementError{Offset: -1, Message: "the statement must be UTF-8 without NUL characters"}
	}
	tokens, err := scan(sql)
	if err != nil {
		return Text{}, err
	}
	t := Text{Original: sql}
	var numbered, bare strings.Builder
	copied := 0
	for _, token := range tokens {
		numbered.WriteString(sql[copied:token.start])
		bare.WriteString(sql[copied:token.start])
		copied = token.end
		if sql[token.start] == ';' {
			numbered.WriteByte(';')
			bare.WriteByte(' ')
			continue
		}
		if fault := checkToken(sql, token, declared); fault != nil {
			return Text{}, fault
		}
		index := slices.IndexFunc(declared, func(p source.Param) bool { return p.Name == token.name })
		number := slices.Index(t.Order, index) + 1
		if number == 0 {
			t.Order = append(t.Order, index)
			number = len(t.Order)
		}
		placeholder := "$" + strconv.Itoa(number)
		if token.start > 0 && inIdentifier(sql[token.start-1]) {
			placeholder = " " + placeholder // x@a must not become the name x$1
		}
		from := numbered.Len()
		numbered.WriteString(placeholder)
		bare.WriteString(placeholder)
		t.Edits = append(t.Edits, edit{token.start, token.end, from, numbered.Len()})
	}
	numbered.WriteString(sql[copied:])
	bare.WriteString(sql[copied:])
	t.SQL, t.Bare = numbered.String(), bare.String()
	return t, nil
}

func checkToken(sql string, token token, declared []source.Param) error {
	fault := func(format string, args ...any) error {
		return &source.StatementError{Offset: token.start, Message: fmt.Sprintf(format, args...)}
	}
	piece := sql[token.start:token.end]
	if piece[0] == '$' {
		return fault("%s is not allowed: write parameters as @name", piece)
	}
	if token.end < len(sql) && (sql[token.end] >= utf8.RuneSelf || sql[token.end] == '$') {
		return fault("the name of parameter %s... may have only ASCII letters, digits and _", piece)
	}
	if !slices.ContainsFunc(declared, func(p source.Param) bool { return p.Name == token.name }) {
		return fault("parameter %s is not declared; %s. For an operator that ends in @, put a space behind it", piece, declaredNames(declared))
	}
	for _, operator := range []string{"<@", "@@", "^@", "@-@"} {
		if before := operator[:len(operator)-1]; strings.HasSuffix(sql[:token.start], before) {
			return fault("%s%s can be read as the operator %s or as the parameter %s: put a space where they part", before, piece, operator, piece)
		}
	}
	return nil
}

func declaredNames(declared []source.Param) string {
	if len(declared) == 0 {
		return "the endpoint declares none"
	}
	names := make([]string, len(declared))
	for i, param := range declared {
		names[i] = "@" + param.Name
	}
	return "declared are " + strings.Join(names, ", ")
}

// scan finds the tokens. What is a string, a quoted name or a comment is decided by pgx's lexer for named arguments,
// which tells no positions and knows neither $1 nor semicolons. So those two are first written as named arguments of
// their own, and the positions follow from comparing its input with its output.
func scan(sql string) ([]token, error) {
	marker := "_m"
	for strings.Contains(sql, marker) {
		marker += "m"
	}
	var marked strings.Builder
	var shifts []shift // where marked gets longer than sql
	for i := range len(sql) {
		ordinal := sql[i] == '$' && i+1 < len(sql) && isDigit(sql[i+1]) && (i == 0 || !inIdentifier(sql[i-1]))
		switch {
		case sql[i] == ';':
			marked.WriteString("@" + marker + " ")
			shifts = append(shifts, shift{marked.Len(), len(marker) + 1})
		case ordinal:
			marked.WriteString("@" + marker)
			shifts = append(shifts, shift{marked.Len(), len(marker)})
		default:
			marked.WriteByte(sql[i])
		}
	}
	from := marked.String()
	to, _, err := pgx.NamedArgs{}.RewriteQuery(context.Background(), nil, from, nil)
	if err != nil {
		return nil, &source.StatementError{Offset: -1, Message: err.Error()}
	}

	var tokens []token
	for i, j := 0, 0; i < len(from) && j < len(to); {
		if from[i] != '@' || to[j] != '$' { // an @ that stays is copied, so this is no argument
			i, j = i+1, j+1
			continue
		}
		start := i
		for i++; i < len(from) && (isLetter(from[i]) || isDigit(from[i])); i++ {
		}
		for j++; j < len(to) && isDigit(to[j]); j++ {
		}
		name := from[start+1 : i]
		found := token{start: unshift(shifts, start), name: name}
		switch {
		case name == marker: // and the blank behind it
			found.end = found.start + 1
		case strings.HasPrefix(name, marker):
			found.end = found.start + 1 + len(name) - len(marker)
		default:
			found.end = found.start + 1 + len(name)
		}
		tokens = append(tokens, found)
	}
	return tokens, nil
}

type shift struct{ at, by int }

func unshift(shifts []shift, position int) int {
	moved := position
	for _, shift := range shifts {
		if shift.at > position {
			break
		}
		moved -= shift.by
	}
	return moved
}

func isDigit(c byte) bool      { return c >= '0' && c <= '9' }
func isLetter(c byte) bool     { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func inIdentifier(c byte) bool { return isLetter(c) || isDigit(c) || c == '$' || c >= utf8.RuneSelf }

// Offset maps a position that PostgreSQL reports, in characters from 1, of prefix+sql to a byte of the original.
func (t *Text) Offset(position int, prefix string) int {
	if position <= 0 {
		return -1
	}
	at := -utf8.RuneCountInString(prefix) // PostgreSQL counts characters, we bytes
	target := position - 1 + at
	at = 0
	for i := range t.SQL {
		if at == target {
			return t.back(i)
		}
		at++
	}
	return len(t.Original)
}

// back maps a byte of sql to one of the original.
func (t *Text) back(i int) int {
	moved := i
	for _, edit := range t.Edits {
		if i < edit.to {
			break
		}
		if i < edit.toEnd {
			return edit.From
		}
		moved = edit.FromEnd + i - edit.toEnd
	}
	return moved
}
