// Package sourcetest is the conformance suite that every source passes: what [source.Source] and [source.Query]
// document, against a real database, driven by a few statements in the database's own dialect.
package sourcetest

import (
	"context"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

// Dialect says how to reach a database, and what to say to it.
type Dialect struct {
	// Open returns a new source that runs at most maxConns statements at once. The suite closes it.
	Open func(t *testing.T, maxConns int) source.Source

	Count     string                      // the integers 1 to @n, a parameter of type integer, in order, as column n of type bigint
	Echo      map[source.ParamType]string // for every type: one row with the parameter @p as column v
	EchoArray map[source.ParamType]string // for every type: the elements of the array @p, one a row, in order, as column v
	Empty     string                      // a column a of type bigint and no row
	Duplicate string                      // two columns of one name
	Misspelt  string                      // uses the unknown column nosuch, once
	Endless   string                      // runs for more than a minute before its first row; its only column is n
	Fails     string                      // passes Check, and fails when it runs, before its first row; its only column is n
	Reads     string                      // one row; works when the text @p is JSON, and fails when it runs with another
	Writes    []string                    // statements that would change the database or its schema
}

// Run runs the suite.
func Run(t *testing.T, dialect Dialect) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Dialect)
	}{
		{"compile refuses an undeclared parameter", testUndeclared},
		{"check returns columns and runs nothing", testCheck},
		{"check refuses faulty statements", testFaults},
		{"check obeys its context", testCheckContext},
		{"run pushes at most one row more than the limit", testRowLimit},
		{"run announces columns for an empty result", testEmpty},
		{"run returns the sink's errors unchanged", testSinkErrors},
		{"run reports a failing statement", testFailing},
		{"run tells a value that is refused", testRefusedValue},
		{"parameters arrive as they were sent", testParameters},
		{"elements of arrays arrive as they were sent", testArrays},
		{"cancelling ends the statement", testCancel},
		{"the deadline ends the statement", testDeadline},
		{"cancelling reaches a slow reader's statement", testCancelBetweenRows},
		{"a busy source refuses after a while", testOverload},
		{"a query is safe for concurrent use", testConcurrent},
		{"close cancels what runs", testClose},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, dialect) })
	}
}

// grace is how long an interruption may take on a machine that does other things as well.
const grace = 2 * time.Second

func open(t *testing.T, dialect Dialect, maxConns int) source.Source {
	t.Helper()
	s := dialect.Open(t, maxConns)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func compile(t *testing.T, s source.Source, statement source.Statement) source.Query {
	t.Helper()
	if statement.MaxRows == 0 {
		statement.MaxRows = 1000
	}
	query, err := s.Compile(statement)
	if err != nil {
		t.Fatalf("Compile(%q): %v", statement.SQL, err)
	}
	return query
}

func counting(t *testing.T, dialect Dialect, s source.Source, maxRows int) source.Query {
	t.Helper()
	return compile(t, s, source.Statement{
		SQL: dialect.Count, MaxRows: maxRows, Params: []source.Param{{Name: "n", Type: source.ParamInteger}},
	})
}

func integer(n int64) source.Argument {
	return source.Argument{Type: source.ParamInteger, Int: n, Text: text(int64Value(n))}
}

func int64Value(n int64) source.Value { return source.Value{Kind: source.KindInt, Int: n} }

// recorder is a sink that keeps a result as text, and says when it is used otherwise than documented. Its functions may
// be nil.
type recorder struct {
	t       *testing.T
	columns []source.Column
	calls   int
	rows    [][]string
	onRow   func(row int) error
	onHead  func() error
}

func (r *recorder) Columns(columns []source.Column) error {
	r.calls++
	r.columns = columns
	if len(r.rows) > 0 {
		r.t.Error("Columns was called after the first row")
	}
	if r.onHead != nil {
		return r.onHead()
	}
	return nil
}

func (r *recorder) Row(values []source.Value) error {
	if r.calls != 1 {
		r.t.Errorf("Columns was called %d times before a row", r.calls)
	}
	if len(values) != len(r.columns) {
		r.t.Errorf("a row has %d values for %d columns", len(values), len(r.columns))
	}
	row := make([]string, len(values))
	for i, value := range values {
		row[i] = text(value)
	}
	r.rows = append(r.rows, row)
	if r.onRow != nil {
		return r.onRow(len(r.rows))
	}
	return nil
}

func run(t *testing.T, query source.Query, args ...source.Argument) *recorder {
	t.Helper()
	sink := &recorder{t: t}
	if err := query.Run(context.Background(), source.Call{Args: args}, sink); err != nil {
		t.Fatalf("Run: %v", err)
	}
	if sink.calls != 1 {
		t.Errorf("Columns was called %d times and not once", sink.calls)
	}
	return sink
}
