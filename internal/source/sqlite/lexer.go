package sqlite

import "strings"

// tokenKind sorts the tokens of SQL as far as parameters and the end of a statement need it.
type tokenKind uint8

const (
	tokenSpace     tokenKind = iota // white space or a comment
	tokenQuoted                     // a string or a quoted identifier
	tokenWord                       // an identifier, a keyword or a number
	tokenParameter                  // a parameter in any of SQLite's styles
	tokenSemicolon
	tokenOther
	tokenOpen // a string or a quoted identifier that does not end
)

// nextToken returns the kind of the token at sql[at] and the offset behind it. It follows SQLite's tokenizer
// (sqlite3GetToken): where the two parted, a second statement or an undeclared parameter could hide. The statement's
// check compares what SQLite made of the text once more.
func nextToken(sql string, at int) (tokenKind, int) {
	rest := sql[at:]
	switch c := rest[0]; {
	case isSpace(c):
		return tokenSpace, at + 1
	case strings.HasPrefix(rest, "--"):
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			return tokenSpace, at + end + 1
		}
		return tokenSpace, len(sql)
	case strings.HasPrefix(rest, "/*") && len(rest) > 2:
		if end := strings.Index(rest[2:], "*/"); end >= 0 {
			return tokenSpace, at + 2 + end + 2
		}
		return tokenSpace, len(sql) // SQLite lets the end of the text end a comment
	case c == '\'' || c == '"' || c == '`':
		return quotedToken(sql, at)
	case c == '[':
		if end := strings.IndexByte(rest, ']'); end >= 0 {
			return tokenQuoted, at + end + 1
		}
		return tokenOpen, len(sql)
	case c == ';':
		return tokenSemicolon, at + 1
	case c == '?' || c == '@' || c == ':' || c == '#' || c == '$':
		return tokenParameter, wordEnd(sql, at+1)
	case isWord(c):
		return tokenWord, wordEnd(sql, at+1)
	default:
		return tokenOther, at + 1
	}
}

// quotedToken finds the end of a token whose quote is written inside it by doubling it.
func quotedToken(sql string, at int) (tokenKind, int) {
	quote := sql[at]
	for i := at + 1; i < len(sql); i++ {
		if sql[i] != quote {
			continue
		}
		if i+1 < len(sql) && sql[i+1] == quote {
			i++
			continue
		}
		return tokenQuoted, i + 1
	}
	return tokenOpen, len(sql)
}

// unquote returns what a quoted token means.
func unquote(token string) string {
	inner := token[1 : len(token)-1]
	if token[0] == '[' {
		return inner
	}
	quote := token[:1]
	return strings.ReplaceAll(inner, quote+quote, quote)
}

func wordEnd(sql string, at int) int {
	for at < len(sql) && isWord(sql[at]) {
		at++
	}
	return at
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' && c != '\v' }
