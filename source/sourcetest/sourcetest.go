package sourcetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// Run runs the suite. Where a field of db is missing it runs nothing, and fails the test with the names of all of them.
func Run(t *testing.T, db Database) {
	t.Helper()
	if faults := db.missing(); len(faults) > 0 {
		t.Fatal(strings.Join(faults, "\n"))
	}
	for _, c := range []struct {
		name string
		test func(*testing.T, Database)
	}{
		{"the dialect finds parameters and only real faults", testDialect},
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
		{"a column's declared type is obeyed or refused", testDeclaredType},
		{"a column's declared scale is obeyed or refused", testDeclaredScale},
		{"cancelling ends the statement", testCancel},
		{"the deadline ends the statement", testDeadline},
		{"cancelling reaches a slow reader's statement", testCancelBetweenRows},
		{"a busy source refuses after a while", testOverload},
		{"a query is safe for concurrent use", testConcurrent},
		{"a reporter counts its connections", testStats},
		{"a describer says what can be read", testDescribe},
		{"a version changes with the schema, and stays with it", testVersion},
		{"a plan is told without running anything, and without values", testExplain},
		{"close cancels what runs", testClose},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, db) })
	}
}

// grace is how long an interruption may take on a machine at rest.
const grace = 2 * time.Second

// patience is how long a test waits for what comes in a moment, unless the machine has other things to do.
const patience = time.Minute

// inTime fails the test when something took longer than grace. On a busy machine, where a connection and a statement that does
// nothing take their time too, it may be as much longer as twenty of those.
func inTime(t *testing.T, db Database, what string, took time.Duration) {
	t.Helper()
	if took <= grace {
		return
	}
	var control time.Duration
	for range 5 {
		begun := time.Now()
		s := db.Open(t, 1)
		run(t, compile(t, s, source.Statement{SQL: db.Empty}))
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		control = max(control, time.Since(begun))
	}
	t.Logf("%s took %s, while a connection and an empty result take %s", what, took, control)
	if took > grace+20*control {
		t.Errorf("%s took %s", what, took)
	}
}

// makers are the functions of package source that make the errors of a code.
var makers = map[dataapi.Code]string{
	dataapi.CodeSourceUnavailable: "source.Unavailable", dataapi.CodeOverloaded: "source.Overloaded",
	dataapi.CodeExecutionTimeout: "source.TimedOut", dataapi.CodeValueRefused: "source.ValueRefused", dataapi.CodeInternal: "source.Failed",
}

// wantCode fails the test where err is not what the function makes that belongs to code.
func wantCode(t *testing.T, what string, err error, code dataapi.Code) (ok bool) {
	t.Helper()
	if ok = dataapi.HasCode(err, code); !ok {
		t.Errorf("%s: got %v, want an error of %s (%s)", what, err, makers[code], code)
	}
	return ok
}

func open(t *testing.T, db Database, maxConns int) source.Source {
	t.Helper()
	s := db.Open(t, maxConns)
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

func counting(t *testing.T, db Database, s source.Source, maxRows int) source.Query {
	t.Helper()
	return compile(t, s, source.Statement{
		SQL: db.Count, MaxRows: maxRows, Params: []source.Param{{Name: "n", Type: source.ParamInteger}},
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
	retyped bool // the endpoint declares another type than the database's: texts may be given for its values
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

// kinds are how the values of each type are held, as [source.Type] documents.
var kinds = map[source.Type][]source.Kind{
	source.TypeVarchar: {source.KindText}, source.TypeInterval: {source.KindText}, source.TypeJSON: {source.KindJSON},
	source.TypeDecimal: {source.KindDecimal, source.KindInt}, source.TypeSmallInt: {source.KindInt}, source.TypeInteger: {source.KindInt},
	source.TypeBigInt: {source.KindInt}, source.TypeReal: {source.KindFloat32}, source.TypeDouble: {source.KindFloat64, source.KindFloat32},
	source.TypeBoolean: {source.KindBool}, source.TypeUUID: {source.KindUUID}, source.TypeVarBinary: {source.KindBinary},
	source.TypeDate: {source.KindDate}, source.TypeTime: {source.KindTime}, source.TypeTimestamp: {source.KindTimestamp},
	source.TypeTimestampTZ: {source.KindTimestampTZ},
}

var kindNames = []string{
	"KindNull", "KindBool", "KindInt", "KindFloat32", "KindFloat64", "KindDecimal", "KindText", "KindJSON", "KindBinary", "KindUUID", "KindDate",
	"KindTime", "KindTimestamp", "KindTimestampTZ",
}

func kindName(kind source.Kind) string {
	if int(kind) < len(kindNames) {
		return kindNames[kind]
	}
	return fmt.Sprintf("value of the unknown kind %d", kind)
}

func fits(kind source.Kind, typ source.Type) bool {
	allowed, known := kinds[typ]
	return kind == source.KindNull || !known || slices.Contains(allowed, kind)
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
		if typ := r.columns[i].Type; !fits(value.Kind, typ) && !(r.retyped && value.Kind == source.KindText) {
			r.t.Errorf("a %s is in column %s of type %s, want %s or KindNull", kindName(value.Kind), r.columns[i].Name, typ, kindName(kinds[typ][0]))
		}
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
