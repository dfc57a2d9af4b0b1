package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/source"
)

// prepared is a query's statement on one connection.
type prepared struct {
	stmt      *sqlite3.Stmt
	arguments []int // which of Run's arguments each of SQLite's parameters is
	table     []source.Column
	forms     []form
	byRow     bool   // some column's type is for the first row to tell
	schema    int    // how often SQLite prepared the statement again because the schema changed
	used      uint64 // when it last ran, in the connection's count of runs
}

// prepare asks SQLite for the query's statement and checks it. A fault of the statement is a *source.StatementError.
func (c *conn) prepare(q *query) (*prepared, error) {
	c.denied = ""
	stmt, tail, err := c.db.PrepareFlags(q.sql, sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, c.statementError(q, err)
	}
	if stmt == nil {
		return nil, faultf(-1, "there is no statement")
	}
	p := &prepared{stmt: stmt}
	if err := p.check(q, tail); err != nil {
		return nil, errors.Join(err, stmt.Close())
	}
	return p, nil
}

// statementError tells a fault of the statement from one of the database.
func (c *conn) statementError(q *query, err error) error {
	if isUnavailable(err) || errors.Is(err, sqlite3.INTERRUPT) {
		return err
	}
	if c.denied != "" {
		return faultf(-1, "%s is not allowed: a statement may only read", c.denied)
	}
	detail, ok := errors.AsType[*sqlite3.Error](err)
	if !ok {
		return faultf(-1, "%s", err)
	}
	message := strings.TrimPrefix(strings.TrimPrefix(detail.Error(), "sqlite3: "), "SQL logic error: ")
	if at := detail.SQL(); at != "" {
		return faultf(len(q.sql)-len(at), "%s", message)
	}
	return faultf(q.offsetOf(message), "%s", message)
}

// offsetOf finds the place of an error for which SQLite gives none: a text that ends too early, and a name that the schema
// does not have. It is -1 when the name is at several places, or at none.
func (q *query) offsetOf(message string) int {
	if message == "incomplete input" {
		return len(strings.TrimRight(q.sql, " \t\r\n"))
	}
	what, name, ok := strings.Cut(message, ": ")
	if !ok || !strings.HasPrefix(what, "no such ") {
		return -1
	}
	name = name[strings.LastIndexByte(name, '.')+1:] // main.name
	offset := -1
	for at := 0; at < len(q.sql); {
		kind, next := nextToken(q.sql, at)
		token := q.sql[at:next]
		if kind == tokenWord && strings.EqualFold(token, name) || kind == tokenQuoted && strings.EqualFold(unquote(token), name) {
			if offset >= 0 {
				return -1
			}
			offset = at
		}
		at = next
	}
	return offset
}

// check compares what SQLite made of the text with what Compile allowed, and reads the columns.
func (p *prepared) check(q *query, tail string) error {
	if tail != "" {
		return faultf(len(q.sql)-len(tail), "only one statement is allowed")
	}
	if !p.stmt.ReadOnly() {
		return faultf(-1, "a statement may only read")
	}
	p.arguments = make([]int, p.stmt.BindCount())
	for i := range p.arguments {
		name := p.stmt.BindName(i + 1)
		argument, ok := q.index[strings.TrimPrefix(name, "@")]
		if !ok || name == "" || name[0] != '@' {
			return faultf(-1, "parameter %q is not declared", name)
		}
		p.arguments[i] = argument
	}
	return p.describe(q)
}

// describe reads the columns as the schema has them now.
func (p *prepared) describe(q *query) error {
	count := p.stmt.ColumnCount()
	if count == 0 {
		return faultf(-1, "the statement returns no columns")
	}
	p.schema = p.stmt.Status(sqlite3.STMTSTATUS_REPREPARE, false)
	p.table = make([]source.Column, count)
	p.forms = make([]form, count)
	p.byRow = false
	seen := make(map[string]bool, count)
	for i := range p.table {
		name := p.stmt.ColumnName(i)
		if err := p.checkName(q, i, name, seen); err != nil {
			return err
		}
		seen[name] = true
		declared, scale := declaredType(p.stmt.ColumnDeclType(i))
		if spec, ok := q.columns[name]; ok {
			if spec.Type != "" && spec.Type != declared {
				declared, scale = spec.Type, noScale
			}
			if spec.Scale != nil {
				scale = *spec.Scale
			}
		}
		p.table[i] = source.Column{Name: name, Type: declared}
		if declared == source.TypeDecimal && scale != noScale {
			p.table[i].Digits = source.Digits{Fixed: true, Scale: scale} // SQLite holds nobody to a precision
		}
		p.forms[i] = formOf(declared, scale)
		p.byRow = p.byRow || declared == ""
	}
	return nil
}

// checkName refuses a name that a caller could not rely on: SQLite names an expression without AS after its own text.
func (p *prepared) checkName(q *query, column int, name string, seen map[string]bool) error {
	invented := p.stmt.ColumnOriginName(column) == "" && !q.quoted[name] && !isIdentifier(name)
	switch {
	case name == "":
		return faultf(-1, "column %d has an empty name; name it with AS", column+1)
	case !utf8.ValidString(name):
		return faultf(-1, "column %d has a name that is not UTF-8; name it with AS", column+1)
	case invented:
		return faultf(strings.LastIndex(q.sql, name), "column %d is the expression %s without a name; name it with AS", column+1, name)
	case seen[name]:
		return faultf(-1, "two columns are named %q; name one of them otherwise with AS", name)
	}
	return nil
}

func isIdentifier(name string) bool {
	return name != "" && !isDigit(name[0]) && wordEnd(name, 0) == len(name)
}

// columns returns what the sink is told. The types that the table and the endpoint left open are taken from the
// statement's current row, if it has one; forms is set accordingly.
func (p *prepared) columns(hasRow bool, forms []form) []source.Column {
	copy(forms, p.forms)
	if !p.byRow {
		return p.table
	}
	columns := slices.Clone(p.table)
	for i := range columns {
		if columns[i].Type != "" {
			continue
		}
		columns[i].Type = source.TypeVarchar
		if hasRow {
			columns[i].Type = storageTypes[p.stmt.ColumnType(i)]
		}
		forms[i] = formOf(columns[i].Type, noScale)
	}
	return columns
}

var storageTypes = map[sqlite3.Datatype]source.Type{
	sqlite3.NULL: source.TypeVarchar, sqlite3.INTEGER: source.TypeBigInt, sqlite3.FLOAT: source.TypeDouble,
	sqlite3.TEXT: source.TypeVarchar, sqlite3.BLOB: source.TypeVarBinary,
}

// misfit says where a value does not fit its column, without saying the value.
func (p *prepared) misfit(column int, f form, columns []source.Column, row int) error {
	advice := ""
	switch {
	case p.byRow && p.table[column].Type == "":
		advice = "; the first row gave the column its type: declare it in the endpoint file"
	case f.shape == shapeTimestamp:
		advice = "; a text with a zone needs the type timestamptz"
	}
	return fmt.Errorf("column %q, row %d: a value of storage class %s does not fit type %s%s",
		columns[column].Name, row, p.stmt.ColumnType(column), columns[column].Type, advice)
}
