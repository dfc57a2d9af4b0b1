package sourcetest

import (
	"context"
	"errors"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// declare compiles the statement that echoes a parameter, whose column is declared as spec says, and checks it. It reports
// false for a source that refuses the declaration, as it may.
func declare(t *testing.T, db Database, kind source.ParamType, spec source.ColumnSpec) (query source.Query, column source.Column, obeyed bool) {
	t.Helper()
	query, err := open(t, db, 1).Compile(source.Statement{
		SQL: db.Echo[kind], MaxRows: 1, Params: []source.Param{{Name: "p", Type: kind}},
		Columns: map[string]source.ColumnSpec{"v": spec},
	})
	var columns []source.Column
	if err == nil {
		columns, err = query.Check(context.Background())
	}
	if _, refused := errors.AsType[*source.StatementError](err); refused {
		return nil, column, false
	}
	if err != nil || len(columns) != 1 {
		t.Fatalf("Check returned %v and %v, want the one column v, or a *source.StatementError for its declaration", columns, err)
	}
	return query, columns[0], true
}

// testDeclaredType declares a column of text as one of dates. A source may read the text, or only name the column after the
// type: what callers see is the same. One that leaves declarations alone says varchar.
func testDeclaredType(t *testing.T, db Database) {
	query, checked, obeyed := declare(t, db, source.ParamString, source.ColumnSpec{Type: source.TypeDate})
	if !obeyed {
		return
	}
	if checked.Type != source.TypeDate {
		t.Errorf("Check says %q of a column that is declared as date: obey Statement.Columns, or refuse with a *source.StatementError", checked.Type)
	}
	const day = "2026-01-31"
	sink := &recorder{t: t, retyped: true}
	if err := query.Run(context.Background(), source.Call{Args: []source.Argument{sample(t, source.ParamString, day)}}, sink); err != nil {
		t.Fatalf("Run: %v", err)
	}
	if sink.columns[0].Type != source.TypeDate || len(sink.rows) != 1 || sink.rows[0][0] != day {
		t.Errorf("of a column that is declared as date Run says %q, and its rows are %q, want date and %s", sink.columns[0].Type, sink.rows, day)
	}
}

// testDeclaredScale sends a decimal with a digit more than its column is declared to have. How it is rounded is the
// database's affair; a source that leaves declarations alone returns all three digits.
func testDeclaredScale(t *testing.T, db Database) {
	scale := 2
	query, checked, obeyed := declare(t, db, source.ParamDecimal, source.ColumnSpec{Type: source.TypeDecimal, Scale: &scale})
	if !obeyed {
		return
	}
	if !checked.Digits.Fixed || checked.Digits.Scale != scale {
		t.Errorf("Check says %+v of a column that is declared with a scale of %d", checked.Digits, scale)
	}
	sink := &recorder{t: t}
	err := query.Run(context.Background(), source.Call{Args: []source.Argument{sample(t, source.ParamDecimal, "0.125")}}, sink)
	switch {
	case dataapi.HasCode(err, dataapi.CodeValueRefused):
	case err != nil:
		t.Errorf("0.125 in a column that is declared with a scale of 2: got %v, want two digits, or ValueRefused", err)
	case len(sink.rows) != 1 || sink.rows[0][0] != "0.13" && sink.rows[0][0] != "0.12":
		t.Errorf("0.125 in a column that is declared with a scale of 2 came back as %q, want 0.13 or 0.12", sink.rows)
	}
}
