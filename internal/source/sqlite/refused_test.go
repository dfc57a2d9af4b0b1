package sqlite

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// What a caller's value makes of a statement that is right otherwise is the caller's to change.
func TestCallersValuesThatSQLiteRefuses(t *testing.T) {
	s := openSource(t, create(t, `CREATE TABLE t(a TEXT); INSERT INTO t VALUES ('abc');
		CREATE VIRTUAL TABLE notes USING fts5(body); INSERT INTO notes VALUES ('some words')`), 1)
	text := func(value string) source.Argument { return source.Argument{Type: source.ParamString, Text: value} }
	number := func(value int64) source.Argument { return source.Argument{Type: source.ParamInteger, Int: value} }
	long := strings.Repeat("x", maxLikePattern)
	for _, c := range []struct {
		what, sql string
		typ       source.ParamType
		good, bad source.Argument
	}{
		{"pattern of LIKE", "SELECT a FROM t WHERE a LIKE @p", source.ParamString, text(long), text(long + "x")},
		{"pattern of GLOB", "SELECT a FROM t WHERE a GLOB @p", source.ParamString, text(long), text(long + "x")},
		{"pattern that is put together", "SELECT a FROM t WHERE a LIKE '%' || @p || '%'", source.ParamString, text(long[2:]), text(long)},
		{"ESCAPE", "SELECT a FROM t WHERE a LIKE 'x' ESCAPE @p", source.ParamString, text("!"), text("!!")},
		{"JSON", "SELECT json_extract(@p, '$.a') AS v FROM t", source.ParamString, text(`{"a":1}`), text("{")},
		{"path in JSON", "SELECT json_extract('{}', @p) AS v FROM t", source.ParamString, text("$.a"), text("a[")},
		{"words of a search", "SELECT body FROM notes WHERE notes MATCH @p", source.ParamString, text("words"), text(`"`)},
		{"overflow", "SELECT abs(@p) AS v FROM t", source.ParamInteger, number(-1), number(-1 << 63)},
		{"too large", "SELECT length(zeroblob(@p)) AS v FROM t", source.ParamInteger, number(1), number(1 << 31)},
		{"LIMIT", "SELECT a FROM t LIMIT @p", source.ParamString, text("1"), text("one")},
	} {
		query, err := s.Compile(source.Statement{SQL: c.sql, Params: []source.Param{{Name: "p", Type: c.typ}}, MaxRows: 10})
		if err != nil {
			t.Fatal(err)
		}
		run := func(value source.Argument) error {
			return query.Run(context.Background(), source.Call{Args: []source.Argument{value}}, &counter{})
		}
		if err := run(c.good); err != nil {
			t.Errorf("%s: a good value: %v", c.what, err)
		}
		if err := run(c.bad); !dataapi.HasCode(err, dataapi.CodeValueRefused) {
			t.Errorf("%s: a bad value: %v", c.what, err)
		}
		if err := run(c.good); err != nil {
			t.Errorf("%s: a good value after a bad one: %v", c.what, err)
		}
	}
}

// The statement's own faults, and those of a schema that has changed, are not the caller's.
func TestWhatIsNotTheCallersFault(t *testing.T) {
	path := create(t, "CREATE TABLE t(a TEXT); INSERT INTO t VALUES ('abc')")
	s := openSource(t, path, 1)
	compile := func(sql string) source.Query {
		t.Helper()
		query, err := s.Compile(source.Statement{SQL: sql, Params: []source.Param{{Name: "p", Type: source.ParamString}}, MaxRows: 10})
		if err != nil {
			t.Fatal(err)
		}
		return query
	}
	given := []source.Argument{{Type: source.ParamString, Text: "x"}}
	missing := []source.Argument{{Type: source.ParamString, Null: true}}
	pattern := "'" + strings.Repeat("x", maxLikePattern+1) + "'"
	for what, c := range map[string]struct {
		query source.Query
		args  []source.Argument
	}{
		"a statement that uses no value": {compile("SELECT a FROM t WHERE a LIKE " + pattern), given},
		"no value given":                 {compile("SELECT a FROM t WHERE a LIKE coalesce(@p, " + pattern + ")"), missing},
	} {
		if err := c.query.Run(context.Background(), source.Call{Args: c.args}, &counter{}); !dataapi.HasCode(err, dataapi.CodeInternal) {
			t.Errorf("%s: %v", what, err)
		}
	}
	query := compile("SELECT a FROM t WHERE a = @p")
	if err := query.Run(context.Background(), source.Call{Args: given}, &counter{}); err != nil {
		t.Fatal(err)
	}
	write(t, path, "DROP TABLE t")
	if err := query.Run(context.Background(), source.Call{Args: given}, &counter{}); !dataapi.HasCode(err, dataapi.CodeInternal) {
		t.Errorf("without the table: %v", err)
	}
}

func TestDocumentedLimits(t *testing.T) {
	docs, err := os.ReadFile("../../../docs/sqlite.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		fmt.Sprintf("| a value, a row | %d MiB |", maxLength>>20),
		fmt.Sprintf("| a statement | %d KiB |", maxSQLLength>>10),
		fmt.Sprintf("| the pattern of `LIKE` and `GLOB` | %d bytes |", maxLikePattern),
		fmt.Sprintf("| arguments of a function | %d |", maxArguments),
		fmt.Sprintf("| parts of a compound SELECT | %d |", maxCompound),
	} {
		if !strings.Contains(string(docs), row+"\n") {
			t.Errorf("docs/sqlite.md should say %q", row)
		}
	}
}
