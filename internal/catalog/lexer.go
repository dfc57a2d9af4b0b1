package catalog

import "strings"

// dialect says how a text is divided into tokens where databases differ.
type dialect struct {
	standard bool // comments nest, E'\'' and $tag$text$tag$ are texts, and brackets are for arrays, as in PostgreSQL
	brackets bool // [name] and `name` are quoted names, as in SQLite
}

// dialects are those of the sources. What holds in each of them is certain without asking a source.
var dialects = []dialect{{standard: true}, {brackets: true}}

type tokenKind uint8

const (
	tokenSpace  tokenKind = iota // white space or a comment
	tokenQuoted                  // text or a name in quotes
	tokenWord                    // a name, a keyword or a number
	tokenAt                      // @name
	tokenOther                   // one character
)

// nextToken returns the kind of the token at sql[i] and the offset behind it.
func (d dialect) nextToken(sql string, i int) (tokenKind, int) {
	switch c := sql[i]; {
	case c == ' ' || c >= '\t' && c <= '\r':
		return tokenSpace, i + 1
	case strings.HasPrefix(sql[i:], "--"):
		return tokenSpace, after(sql, i, "\n")
	case strings.HasPrefix(sql[i:], "/*") && d.standard:
		return tokenSpace, commentEnd(sql, i)
	case strings.HasPrefix(sql[i:], "/*"):
		return tokenSpace, after(sql, i+2, "*/")
	case c == '\'' || c == '"' || c == '`' && d.brackets:
		return tokenQuoted, quoteEnd(sql, i, false)
	case c == '[' && d.brackets:
		return tokenQuoted, after(sql, i, "]")
	case c == '$' && d.standard:
		if end := dollarEnd(sql, i); end > i+1 {
			return tokenQuoted, end
		}
		return tokenOther, i + 1
	case c == '@' && wordEnd(sql, i+1) > i+1:
		return tokenAt, wordEnd(sql, i+1)
	case wordByte(c):
		end := wordEnd(sql, i)
		for end < len(sql) && sql[end] == '$' { // a$1 is a name
			end = wordEnd(sql, end+1)
		}
		if escapes := d.standard && strings.EqualFold(sql[i:end], "e"); escapes && end < len(sql) && sql[end] == '\'' {
			return tokenQuoted, quoteEnd(sql, end, true)
		}
		return tokenWord, end
	default:
		return tokenOther, i + 1
	}
}

func wordByte(c byte) bool {
	return c == '_' || digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func wordEnd(sql string, i int) int {
	for i < len(sql) && wordByte(sql[i]) {
		i++
	}
	return i
}

// after returns the offset after the next occurrence of mark, or the end.
func after(sql string, i int, mark string) int {
	if at := strings.Index(sql[i:], mark); at >= 0 {
		return i + at + len(mark)
	}
	return len(sql)
}

// commentEnd returns the offset after a block comment in which others may nest.
func commentEnd(sql string, i int) int {
	depth := 0
	for i < len(sql) {
		switch {
		case strings.HasPrefix(sql[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(sql[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return i
}

// quoteEnd returns the offset after quoted text; a doubled quote inside of it begins the next one, which is as good.
func quoteEnd(sql string, i int, backslashes bool) int {
	quote := sql[i]
	for i++; i < len(sql); i++ {
		switch {
		case backslashes && sql[i] == '\\':
			i++
		case sql[i] == quote:
			return i + 1
		}
	}
	return len(sql)
}

// dollarEnd returns the offset after dollar-quoted text, or after the dollar when it opens none.
func dollarEnd(sql string, i int) int {
	end := wordEnd(sql, i+1)
	if end == len(sql) || sql[end] != '$' || digit(sql[i+1]) { // $1 is a parameter's number
		return i + 1
	}
	return after(sql, end+1, sql[i:end+1])
}
