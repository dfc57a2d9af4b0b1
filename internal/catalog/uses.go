package catalog

import "strings"

// use is a parameter in a statement.
type use struct {
	name   string
	offset int
}

// parameterUses finds the parameters of a statement by the lexical rules that SQL dialects share: it passes over comments,
// quoted text and names, and dollar-quoted text, and takes no @ inside of a word or of @@ for a parameter.
func parameterUses(sql string) []use {
	var uses []use
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case strings.HasPrefix(sql[i:], "--"):
			i = after(sql, i, "\n")
		case strings.HasPrefix(sql[i:], "/*"):
			i = commentEnd(sql, i)
		case c == '\'' || c == '"':
			i = quoteEnd(sql, i, false)
		case c == '$':
			i = dollarEnd(sql, i)
		case c == '@':
			end := wordEnd(sql, i+1)
			if end > i+1 && (sql[i+1] == '_' || sql[i+1] >= 'a' && sql[i+1] <= 'z') {
				uses = append(uses, use{sql[i+1 : end], i})
			}
			i = passAt(sql, end) // of @@
		case wordByte(c):
			end := wordEnd(sql, i)
			if escapes := sql[i:end] == "E" || sql[i:end] == "e"; escapes && end < len(sql) && sql[end] == '\'' {
				end = quoteEnd(sql, end, true)
			}
			i = passAt(sql, end)
		default:
			i++
		}
	}
	return uses
}

// passAt passes over an @, and the word after it, that follows a word or another @.
func passAt(sql string, i int) int {
	for i < len(sql) && sql[i] == '@' {
		i = wordEnd(sql, i+1)
	}
	return i
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

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

// commentEnd returns the offset after a block comment. Comments nest in standard SQL and Postgres; where they do not,
// as in SQLite, more of the text is passed over.
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
	if end == len(sql) || sql[end] != '$' {
		return i + 1
	}
	tag := sql[i : end+1]
	if tag != "$$" && tag[1] >= '0' && tag[1] <= '9' {
		return end // $1 is a parameter's number
	}
	return after(sql, end+1, tag)
}
