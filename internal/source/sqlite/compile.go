package sqlite

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/source"
)

// query implements [source.Query].
type query struct {
	source  *Source
	sql     string                       // the statement alone, without what came behind it
	params  []source.Param               // as declared, in the order of Run's arguments
	index   map[string]int               // of params, by name
	quoted  map[string]bool              // every string and quoted identifier of sql: the names that AS can give
	columns map[string]source.ColumnSpec // as declared
	maxRows int
}

// Compile implements [source.Source]. It reads the text alone: that there is one statement, that it begins as a
// reading one does, and that its parameters are written as @name and declared. What needs SQLite is for Check.
func (s *Source) Compile(statement source.Statement) (source.Query, error) {
	q := &query{
		source: s, params: statement.Params, index: make(map[string]int, len(statement.Params)),
		quoted: map[string]bool{}, columns: statement.Columns, maxRows: statement.MaxRows,
	}
	if q.maxRows < 1 {
		return nil, faultf(-1, "the row limit is %d and must be at least 1", q.maxRows)
	}
	for i, param := range q.params {
		q.index[param.Name] = i
	}
	for _, name := range slices.Sorted(maps.Keys(q.columns)) {
		if declared := q.columns[name].Type; declared != "" && shapeOf(declared) == shapeByRow {
			return nil, faultf(-1, "column %q is declared as %q, which is no type; the types are %s and array<...> of them",
				name, declared, joinTypes())
		}
	}
	if err := q.scan(statement.SQL); err != nil {
		return nil, err
	}
	return q, nil
}

// scan reads the text token by token and keeps its first statement.
func (q *query) scan(sql string) error {
	if at := strings.IndexByte(sql, 0); at >= 0 {
		return faultf(at, "a statement must not hold the character NUL")
	}
	if !utf8.ValidString(sql) {
		return faultf(-1, "a statement must be UTF-8")
	}
	first, end := true, -1
	for at := 0; at < len(sql); {
		kind, next := nextToken(sql, at)
		token := sql[at:next]
		switch {
		case kind == tokenSpace:
		case end >= 0:
			return faultf(at, "only one statement is allowed: remove what follows its semicolon")
		case first && !slices.ContainsFunc(readingKeywords, func(k string) bool { return strings.EqualFold(k, token) }):
			return faultf(at, "a statement must begin with SELECT, VALUES or WITH")
		case kind == tokenOpen:
			return faultf(at, "the quote that opens here is not closed")
		case kind == tokenQuoted:
			q.quoted[unquote(token)] = true
		case kind == tokenSemicolon:
			end = at
		case kind == tokenParameter:
			if err := q.checkParameter(sql, at, next); err != nil {
				return err
			}
		}
		first = first && kind == tokenSpace
		at = next
	}
	if first {
		return faultf(-1, "there is no statement")
	}
	if end < 0 {
		end = len(sql)
	}
	q.sql = sql[:end]
	return nil
}

var readingKeywords = []string{"SELECT", "VALUES", "WITH"}

func (q *query) checkParameter(sql string, at, end int) error {
	token := sql[at:end]
	switch {
	case strings.HasPrefix(sql[at:], "::"):
		return faultf(at, "SQLite does not know the cast ::type; write CAST(... AS type)")
	case token[0] != '@':
		return faultf(at, "write a parameter as @name, not as %s", token)
	case token == "@":
		return faultf(at, "a parameter's name must follow @")
	case strings.HasPrefix(sql[end:], "::"):
		return faultf(end, "SQLite does not know the cast ::type; write CAST(%s AS type)", token)
	case strings.HasPrefix(sql[end:], "("):
		// SQLite would read @name(text) as one parameter of that whole name.
		return faultf(end, "a parenthesis must not follow %s directly", token)
	}
	if _, ok := q.index[token[1:]]; ok {
		return nil
	}
	if len(q.params) == 0 {
		return faultf(at, "parameter %s is not declared; the endpoint declares none", token)
	}
	names := make([]string, len(q.params))
	for i, param := range q.params {
		names[i] = "@" + param.Name
	}
	return faultf(at, "parameter %s is not declared; declared are %s", token, strings.Join(names, ", "))
}

func joinTypes() string {
	names := make([]string, 0, len(source.Types()))
	for _, t := range source.Types() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

func faultf(offset int, format string, args ...any) *source.StatementError {
	return &source.StatementError{Offset: offset, Message: fmt.Sprintf(format, args...)}
}
