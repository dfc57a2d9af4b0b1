package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

func testUndeclared(t *testing.T, db Database) {
	s := open(t, db, 2)
	_, err := s.Compile(source.Statement{SQL: db.Count, MaxRows: 1, Params: []source.Param{{Name: "other", Type: source.ParamInteger}}})
	fault, ok := errors.AsType[*source.StatementError](err)
	if !ok {
		t.Fatalf("Compile of %q, which declares no parameter @n: got %v, want a *source.StatementError", db.Count, err)
	}
	if want := strings.Index(db.Count, "@n"); fault.Offset != want {
		t.Errorf("the fault is at byte %d, want %d", fault.Offset, want)
	}
	if !strings.Contains(fault.Message, "@n") {
		t.Errorf("the fault does not name the parameter: %s", fault.Message)
	}
}

func testCheck(t *testing.T, db Database) {
	s := open(t, db, 2)
	started := time.Now()
	for _, c := range []struct{ sql, column string }{{db.Endless, "n"}, {db.Fails, "n"}, {db.Empty, "a"}} {
		columns, err := compile(t, s, source.Statement{SQL: c.sql}).Check(context.Background())
		if err != nil {
			t.Fatalf("Check(%q): %v", c.sql, err)
		}
		if len(columns) != 1 || columns[0].Name != c.column {
			t.Errorf("Check(%q) returned %v, want the one column %s", c.sql, columns, c.column)
		}
	}
	if took := time.Since(started); took > patience {
		t.Errorf("Check took %s: it ran the statements", took)
	}
}

func testFaults(t *testing.T, db Database) {
	s := open(t, db, 2)
	faulty := append([]string{
		db.Duplicate, db.Misspelt, "", "   ", "/* nothing */", "SELEC 1 AS a", "SELECT 'open AS a",
		db.Empty + "; " + db.Empty,
	}, db.Writes...)
	for _, sql := range faulty {
		fault := faultOf(t, s, sql)
		if fault == nil {
			continue
		}
		if fault.Offset < -1 || fault.Offset > len(sql) {
			t.Errorf("%q: the fault is at byte %d of %d", sql, fault.Offset, len(sql))
		}
		if sql == db.Misspelt && fault.Offset != strings.Index(sql, "nosuch") {
			t.Errorf("the unknown column is reported at byte %d, want %d", fault.Offset, strings.Index(sql, "nosuch"))
		}
	}
}

// faultOf returns the fault that Compile or Check finds.
func faultOf(t *testing.T, s source.Source, sql string) *source.StatementError {
	t.Helper()
	query, err := s.Compile(source.Statement{SQL: sql, MaxRows: 1})
	if err == nil {
		_, err = query.Check(context.Background())
	}
	fault, ok := errors.AsType[*source.StatementError](err)
	switch {
	case err == nil:
		t.Errorf("%q: Compile and Check take it, and one of them should return a *source.StatementError", sql)
	case !ok:
		t.Errorf("%q: got %v, want a *source.StatementError of Compile or Check", sql, err)
	}
	return fault
}

func testCheckContext(t *testing.T, db Database) {
	s := open(t, db, 2)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := compile(t, s, source.Statement{SQL: db.Empty}).Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func testRowLimit(t *testing.T, db Database) {
	s := open(t, db, 2)
	for _, c := range []struct{ rows, limit, pushed int }{{0, 1, 0}, {1, 1, 1}, {2, 1, 2}, {3, 1, 2}, {10, 10, 10}, {11, 10, 11}, {5000, 10, 11}} {
		query := counting(t, db, s, c.limit)
		for range 3 {
			sink := run(t, query, integer(int64(c.rows)))
			if len(sink.rows) != c.pushed {
				t.Fatalf("%d rows with a limit of %d: %d were pushed, want %d", c.rows, c.limit, len(sink.rows), c.pushed)
			}
			for i, row := range sink.rows {
				if want := fmt.Sprint(i + 1); row[0] != want {
					t.Fatalf("row %d holds %s, want %s", i+1, row[0], want)
				}
			}
		}
	}
}

func testEmpty(t *testing.T, db Database) {
	s := open(t, db, 2)
	sink := run(t, compile(t, s, source.Statement{SQL: db.Empty}))
	if want := (source.Column{Name: "a", Type: source.TypeBigInt}); !slices.Equal(sink.columns, []source.Column{want}) {
		t.Errorf("columns are %v, want %v", sink.columns, want)
	}
	if len(sink.rows) != 0 {
		t.Errorf("there are rows: %v", sink.rows)
	}
}

func testSinkErrors(t *testing.T, db Database) {
	s := open(t, db, 1)
	query := counting(t, db, s, 1000)
	own := errors.New("the reader is gone")
	for range 3 {
		sink := &recorder{t: t, onHead: func() error { return own }}
		err := query.Run(context.Background(), source.Call{Args: []source.Argument{integer(9)}}, sink)
		if err != own || len(sink.rows) > 0 { //nolint:errorlint // the sink's error must come back unwrapped
			t.Fatalf("an error of Columns: got %v and %d rows", err, len(sink.rows))
		}
		sink = &recorder{t: t, onRow: func(row int) error {
			if row == 3 {
				return own
			}
			return nil
		}}
		err = query.Run(context.Background(), source.Call{Args: []source.Argument{integer(9)}}, sink)
		if err != own || len(sink.rows) != 3 { //nolint:errorlint // the sink's error must come back unwrapped
			t.Fatalf("an error of Row: got %v and %d rows", err, len(sink.rows))
		}
	}
	if sink := run(t, query, integer(9)); len(sink.rows) != 9 {
		t.Errorf("after the errors %d rows come, want 9", len(sink.rows))
	}
}

func testFailing(t *testing.T, db Database) {
	s := open(t, db, 1)
	query := compile(t, s, source.Statement{SQL: db.Fails})
	for range 3 {
		wantCode(t, "Run", query.Run(context.Background(), source.Call{}, &recorder{t: t}), dataapi.CodeInternal)
	}
	run(t, compile(t, s, source.Statement{SQL: db.Empty}))
}

func testRefusedValue(t *testing.T, db Database) {
	s := open(t, db, 1)
	query := compile(t, s, source.Statement{SQL: db.Reads, Params: []source.Param{{Name: "p", Type: source.ParamString}}})
	for range 3 {
		run(t, query, source.Argument{Type: source.ParamString, Text: "[1]"})
		err := query.Run(context.Background(), source.Call{Args: []source.Argument{{Type: source.ParamString, Text: "["}}}, &recorder{t: t})
		if wantCode(t, "Run with a text that is no JSON", err, dataapi.CodeValueRefused) && dataapi.AsError(err).Detail != "" {
			t.Errorf("callers are shown words of the database, unasked: %s", dataapi.AsError(err).Detail)
		}
	}
}
