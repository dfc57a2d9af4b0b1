package sqlite

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

func word(s string) source.Argument { return source.Argument{Type: source.ParamString, Text: s} }

func whole(n int64) source.Argument { return source.Argument{Type: source.ParamInteger, Int: n} }

const callerValueSchema = `
	CREATE TABLE t(a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'one'), (2, '{"a":1}');
	CREATE VIRTUAL TABLE f USING fts5(title, body); INSERT INTO f VALUES ('one', 'two')`

// callerValues are statements that work with one value of @p and not with another.
var callerValues = []struct {
	sql  string
	good source.Argument
	bad  []source.Argument
}{
	{"SELECT json_extract(@p, '$') AS v", word("[1]"), []source.Argument{word("{"), word(""), word("nul"), word("[1,")}},
	{"SELECT json_extract(b, @p) AS v FROM t WHERE a = 2", word("$.a"), []source.Argument{word("a.b")}},
	{"SELECT value AS v FROM json_each(@p)", word("[1]"), []source.Argument{word("["), word("x")}},
	{"SELECT json(@p) AS v", word("1"), []source.Argument{word("'")}},
	{"SELECT 'abc' LIKE @p AS v", word("a%"), []source.Argument{word(strings.Repeat("%a", 60))}},
	{"SELECT 'abc' GLOB @p AS v", word("a*"), []source.Argument{word(strings.Repeat("*a", 60))}},
	{"SELECT 'abc' LIKE 'a' ESCAPE @p AS v", word("!"), []source.Argument{word("!!"), word("")}},
	{"SELECT abs(@p) AS v", whole(-1), []source.Argument{whole(math.MinInt64)}},
	{"SELECT sum(x) AS v FROM (SELECT @p AS x UNION ALL SELECT 1)", whole(1), []source.Argument{whole(math.MaxInt64)}},
	{"SELECT a AS v FROM t LIMIT @p", word("1"), []source.Argument{word("many")}},
	{"SELECT a AS v FROM t LIMIT 1 OFFSET @p", word("1"), []source.Argument{word("x")}},
	{"SELECT title AS v FROM f WHERE f MATCH @p", word("two"), []source.Argument{word(`"`), word("a AND"), word("nosuch: x"), word("("), word("*")}},
	{"SELECT length(zeroblob(@p)) AS v", whole(1), []source.Argument{whole(1 << 30)}},
	{"SELECT length(printf('%*d', @p, 1)) AS v", whole(1), []source.Argument{whole(1 << 30)}},
	{"SELECT replace(hex(zeroblob(1000000)), '0', @p) IS NULL AS v", word("0"), []source.Argument{word("000000000")}},
}

func TestCallersValueThatSQLiteRefuses(t *testing.T) {
	s := openSource(t, create(t, callerValueSchema), 1)
	for _, c := range callerValues {
		query, err := s.Compile(source.Statement{SQL: c.sql, MaxRows: 10, Params: []source.Param{{Name: "p", Type: c.good.Type}}})
		if err != nil {
			t.Fatal(err)
		}
		call := func(value source.Argument) error {
			return query.Run(context.Background(), source.Call{Args: []source.Argument{value}}, &counter{})
		}
		if err := call(c.good); err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		for _, value := range c.bad {
			err := call(value)
			if !dataapi.HasCode(err, dataapi.CodeValueRefused) || dataapi.AsError(err).Detail != "" {
				t.Errorf("%s with %.20q: got %v, want %s", c.sql, value.Text, err, dataapi.CodeValueRefused)
			}
		}
		if err := call(c.good); err != nil {
			t.Errorf("%s again: %v", c.sql, err)
		}
	}
}

func TestStatementsThatFailByThemselves(t *testing.T) {
	path := create(t, callerValueSchema)
	s := openSource(t, path, 1)
	null := source.Argument{Type: source.ParamString, Null: true}
	for _, c := range []struct {
		sql  string
		args []source.Argument
	}{
		{"SELECT json_extract('secret table name', '$') AS v", nil},
		{"SELECT json_extract(coalesce(@p, '{'), '$') AS v", []source.Argument{null}},
		{"SELECT json_extract('{', '$') AS v", []source.Argument{word("not used")}},
	} {
		statement := source.Statement{SQL: c.sql, MaxRows: 10}
		for range c.args {
			statement.Params = []source.Param{{Name: "p", Type: source.ParamString}}
		}
		query, err := s.Compile(statement)
		if err != nil {
			t.Fatal(err)
		}
		if err := query.Run(context.Background(), source.Call{Args: c.args}, &counter{}); !isInternal(err) {
			t.Errorf("%s: got %v, want %s", c.sql, err, dataapi.CodeInternal)
		}
	}

	// A table that goes is no fault of a value.
	query, err := s.Compile(source.Statement{SQL: "SELECT a FROM t WHERE b = @p", MaxRows: 10, Params: []source.Param{{Name: "p", Type: source.ParamString}}})
	if err != nil {
		t.Fatal(err)
	}
	run := func() error {
		return query.Run(context.Background(), source.Call{Args: []source.Argument{word("one")}}, &counter{})
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	write(t, path, "ALTER TABLE t RENAME TO gone")
	err = run()
	if _, blamed := errors.AsType[*source.StatementError](err); !isInternal(err) || !blamed {
		t.Errorf("without its table: got %v, want %s", err, dataapi.CodeInternal)
	}
	write(t, path, "ALTER TABLE gone RENAME TO t")
	if err := run(); err != nil {
		t.Errorf("with it again: %v", err)
	}
}

// Whatever a text holds, SQLite either takes it or the caller is told that it does not.
func TestRandomTextsAreNoFaultOfTheServer(t *testing.T) {
	s := openSource(t, create(t, callerValueSchema), 1)
	var queries []source.Query
	for _, expression := range []string{
		"json(@p)", "json_extract('{}', @p)", "json_set('{}', @p, 1)", "json_type(@p)", "'abc' LIKE @p", "'abc' GLOB @p", "'a' LIKE 'a' ESCAPE @p",
		"date(@p)", "strftime(@p, 'now')", "datetime('now', @p)", "printf(@p, 1)", "hex(@p)", "unicode(@p)", "CAST(@p AS INTEGER)", "abs(@p)", "round(@p)",
		"substr('abc', @p)", "(SELECT a FROM t LIMIT @p)", "(SELECT title FROM f WHERE f MATCH @p)", "(SELECT title FROM f WHERE title MATCH @p)",
		"(SELECT count(*) FROM json_tree(@p))", "unhex(@p)", "(SELECT snippet(f, 0, '', '', '', 3) FROM f WHERE f MATCH @p)", "@p -> '$'", "'[1]' ->> @p",
		"sqlite_source_id() || @p", "soundex(@p)", "likelihood(@p, 0.5)", "nullif(@p, 'a') + 1", "trim(@p, @p)", "instr(@p, @p)", "concat_ws(@p, 1, 2)",
	} {
		query, err := s.Compile(source.Statement{SQL: "SELECT typeof(" + expression + ") AS v", MaxRows: 10, Params: []source.Param{{Name: "p", Type: source.ParamString}}})
		if err == nil {
			_, err = query.Check(context.Background())
		}
		if err != nil {
			continue // this SQLite lacks the function
		}
		queries = append(queries, query)
	}
	if len(queries) < 20 {
		t.Fatalf("only %d statements are accepted", len(queries))
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	alphabet := []rune(`ab1029 .,:;-+*/()[]{}<>"'\$@&|!~^%_=?#eEdsxYmd` + "€é日\n\t")
	for range 300 {
		value := make([]rune, random.IntN(10))
		for i := range value {
			value[i] = alphabet[random.IntN(len(alphabet))]
		}
		for _, query := range queries {
			err := query.Run(context.Background(), source.Call{Args: []source.Argument{word(string(value))}}, &counter{})
			if err != nil && !dataapi.HasCode(err, dataapi.CodeValueRefused) {
				t.Errorf("seed %d, %q: %v", seed, string(value), err)
			}
		}
	}
}
