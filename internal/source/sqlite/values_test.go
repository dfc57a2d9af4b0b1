package sqlite

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// rowSink keeps rows as text that tells kinds apart.
type rowSink struct {
	columns []source.Column
	rows    []string
}

// named writes columns as [{name type} ...].
func named(columns []source.Column) string {
	shown := make([]string, len(columns))
	for i, column := range columns {
		shown[i] = fmt.Sprintf("{%s %s}", column.Name, column.Type)
	}
	return fmt.Sprint(shown)
}

func (s *rowSink) Columns(columns []source.Column) error { s.columns = columns; return nil }

func (s *rowSink) Row(values []source.Value) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = show(v)
	}
	s.rows = append(s.rows, strings.Join(cells, " | "))
	return nil
}

func show(v source.Value) string {
	switch v.Kind {
	case source.KindNull:
		return "null"
	case source.KindBool:
		return "bool " + strconv.FormatInt(v.Int, 10)
	case source.KindInt:
		return "int " + strconv.FormatInt(v.Int, 10)
	case source.KindFloat32:
		return "float32 " + strconv.FormatFloat(v.Float, 'g', -1, 64)
	case source.KindFloat64:
		return "float64 " + strconv.FormatFloat(v.Float, 'g', -1, 64)
	case source.KindDecimal:
		return "decimal " + string(v.Bytes)
	case source.KindText:
		return "text " + string(v.Bytes)
	case source.KindJSON:
		return "json " + string(v.Bytes)
	case source.KindBinary:
		return "binary " + hex.EncodeToString(v.Bytes)
	case source.KindUUID:
		return "uuid " + hex.EncodeToString(v.Bytes)
	default:
		return fmt.Sprintf("kind %d: %d", v.Kind, v.Int)
	}
}

const refused = "refused"

// TestDeclaredTypes reads one value as one declared type.
func TestDeclaredTypes(t *testing.T) {
	s := openSource(t, create(t, "CREATE TABLE t(a)"), 1)
	scale := func(n int) *int { return &n }
	date, clock, stamp, stampTZ := fmt.Sprintf("kind %d: ", source.KindDate), fmt.Sprintf("kind %d: ", source.KindTime),
		fmt.Sprintf("kind %d: ", source.KindTimestamp), fmt.Sprintf("kind %d: ", source.KindTimestampTZ)
	for _, c := range []struct {
		sql  string
		spec source.ColumnSpec
		want string
	}{
		{"NULL", source.ColumnSpec{Type: source.TypeDecimal}, "null"},
		{"0.0 * 9e999", source.ColumnSpec{Type: source.TypeDouble}, "null"}, // SQLite has no NaN

		{"150000", source.ColumnSpec{Type: source.TypeDecimal, Scale: scale(2)}, "decimal 150000.00"},
		{"150000.0", source.ColumnSpec{Type: source.TypeDecimal, Scale: scale(2)}, "decimal 150000.00"},
		{"-7", source.ColumnSpec{Type: source.TypeDecimal, Scale: scale(0)}, "decimal -7"},
		{"2.5", source.ColumnSpec{Type: source.TypeDecimal}, "decimal 2.5"},
		{"9223372036854775807", source.ColumnSpec{Type: source.TypeDecimal, Scale: scale(1)}, "decimal 9223372036854775807.0"},
		{"0.1 + 0.2", source.ColumnSpec{Type: source.TypeDecimal, Scale: scale(4)}, "decimal 0.3000"},
		{"-0.001", source.ColumnSpec{Type: source.TypeDecimal, Scale: scale(2)}, "decimal 0.00"},
		{"1e21", source.ColumnSpec{Type: source.TypeDecimal}, "decimal 1000000000000000000000"},
		{"9e999", source.ColumnSpec{Type: source.TypeDecimal, Scale: scale(2)}, "decimal Infinity"},
		{"-9e999", source.ColumnSpec{Type: source.TypeDecimal}, "decimal -Infinity"},
		{"'12345678901234567890.12345678901234567890'", source.ColumnSpec{Type: source.TypeDecimal, Scale: scale(2)},
			"decimal 12345678901234567890.12345678901234567890"},
		{"'-0.50'", source.ColumnSpec{Type: source.TypeDecimal}, "decimal -0.50"},
		{"'1e5'", source.ColumnSpec{Type: source.TypeDecimal}, refused},
		{"'007'", source.ColumnSpec{Type: source.TypeDecimal}, refused},
		{"'1.'", source.ColumnSpec{Type: source.TypeDecimal}, refused},
		{"'.5'", source.ColumnSpec{Type: source.TypeDecimal}, refused},
		{"''", source.ColumnSpec{Type: source.TypeDecimal}, refused},
		{"'-'", source.ColumnSpec{Type: source.TypeDecimal}, refused},
		{"x'31'", source.ColumnSpec{Type: source.TypeDecimal}, refused},

		{"42", source.ColumnSpec{Type: source.TypeBigInt}, "int 42"},
		{"42.0", source.ColumnSpec{Type: source.TypeBigInt}, "int 42"},
		{"42.5", source.ColumnSpec{Type: source.TypeBigInt}, refused},
		{"9223372036854775808.0", source.ColumnSpec{Type: source.TypeBigInt}, refused},
		{"-9223372036854775808.0", source.ColumnSpec{Type: source.TypeBigInt}, "int -9223372036854775808"},
		{"9e999", source.ColumnSpec{Type: source.TypeBigInt}, refused},
		{"'42'", source.ColumnSpec{Type: source.TypeBigInt}, refused},
		{"'abc'", source.ColumnSpec{Type: source.TypeInteger}, refused},
		{"2147483647", source.ColumnSpec{Type: source.TypeInteger}, "int 2147483647"},
		{"2147483648", source.ColumnSpec{Type: source.TypeInteger}, refused},
		{"-32768", source.ColumnSpec{Type: source.TypeSmallInt}, "int -32768"},
		{"-32769", source.ColumnSpec{Type: source.TypeSmallInt}, refused},
		{"32768.0", source.ColumnSpec{Type: source.TypeSmallInt}, refused},

		{"1.5", source.ColumnSpec{Type: source.TypeDouble}, "float64 1.5"},
		{"3", source.ColumnSpec{Type: source.TypeDouble}, "float64 3"},
		{"9007199254740993", source.ColumnSpec{Type: source.TypeDouble}, refused},
		{"9223372036854775807", source.ColumnSpec{Type: source.TypeDouble}, refused},
		{"-9e999", source.ColumnSpec{Type: source.TypeDouble}, "float64 -Inf"},
		{"0.1", source.ColumnSpec{Type: source.TypeReal}, "float32 0.10000000149011612"},
		{"'1.5'", source.ColumnSpec{Type: source.TypeDouble}, refused},

		{"1", source.ColumnSpec{Type: source.TypeBoolean}, "bool 1"},
		{"0", source.ColumnSpec{Type: source.TypeBoolean}, "bool 0"},
		{"2", source.ColumnSpec{Type: source.TypeBoolean}, refused},
		{"'true'", source.ColumnSpec{Type: source.TypeBoolean}, refused},
		{"1.0", source.ColumnSpec{Type: source.TypeBoolean}, refused},

		{"'olá'", source.ColumnSpec{Type: source.TypeVarchar}, "text olá"},
		{"42", source.ColumnSpec{Type: source.TypeVarchar}, "text 42"},
		{"1.5", source.ColumnSpec{Type: source.TypeVarchar}, "text 1.5"},
		{"CAST(x'ff' AS TEXT)", source.ColumnSpec{Type: source.TypeVarchar}, refused},
		{"x'61'", source.ColumnSpec{Type: source.TypeVarchar}, refused},
		{"CAST(x'610062' AS TEXT)", source.ColumnSpec{Type: source.TypeVarchar}, "text a\x00b"},
		{"'P1D'", source.ColumnSpec{Type: source.TypeInterval}, "text P1D"},

		{"'1970-01-02'", source.ColumnSpec{Type: source.TypeDate}, date + "1"},
		{"'1969-12-31'", source.ColumnSpec{Type: source.TypeDate}, date + "-1"},
		{"'0001-01-01'", source.ColumnSpec{Type: source.TypeDate}, date + "-719162"},
		{"'2023-02-29'", source.ColumnSpec{Type: source.TypeDate}, refused},
		{"'2023-13-01'", source.ColumnSpec{Type: source.TypeDate}, refused},
		{"'2023-00-10'", source.ColumnSpec{Type: source.TypeDate}, refused},
		{"'2023-1-10'", source.ColumnSpec{Type: source.TypeDate}, refused},
		{"'2023-01-10x'", source.ColumnSpec{Type: source.TypeDate}, refused},
		{"'2023-01-10 00:00:00'", source.ColumnSpec{Type: source.TypeDate}, refused},
		{"20230110", source.ColumnSpec{Type: source.TypeDate}, refused},

		{"'00:00'", source.ColumnSpec{Type: source.TypeTime}, clock + "0"},
		{"'23:59:59.9999999'", source.ColumnSpec{Type: source.TypeTime}, clock + "86399999999"},
		{"'01:02:03'", source.ColumnSpec{Type: source.TypeTime}, clock + "3723000000"},
		{"'24:00'", source.ColumnSpec{Type: source.TypeTime}, refused},
		{"'23:60'", source.ColumnSpec{Type: source.TypeTime}, refused},
		{"'23:59:60'", source.ColumnSpec{Type: source.TypeTime}, refused},
		{"'23:59:5'", source.ColumnSpec{Type: source.TypeTime}, refused},
		{"'23:59:59.'", source.ColumnSpec{Type: source.TypeTime}, refused},
		{"'23:59Z'", source.ColumnSpec{Type: source.TypeTime}, refused},

		{"'1970-01-01 00:00:01'", source.ColumnSpec{Type: source.TypeTimestamp}, stamp + "1000000"},
		{"'1970-01-01T00:00:01.5'", source.ColumnSpec{Type: source.TypeTimestamp}, stamp + "1500000"},
		{"'1969-12-31 23:59:59.5'", source.ColumnSpec{Type: source.TypeTimestamp}, stamp + "-500000"},
		{"'1970-01-02'", source.ColumnSpec{Type: source.TypeTimestamp}, stamp + "86400000000"},
		{"'1970-01-01 00:00:00Z'", source.ColumnSpec{Type: source.TypeTimestamp}, refused},
		{"'1970-01-01_00:00:00'", source.ColumnSpec{Type: source.TypeTimestamp}, refused},
		{"'1970-01-01 '", source.ColumnSpec{Type: source.TypeTimestamp}, refused},
		{"1700000000", source.ColumnSpec{Type: source.TypeTimestamp}, refused},
		{"'1970-01-01T00:00:00Z'", source.ColumnSpec{Type: source.TypeTimestampTZ}, stampTZ + "0"},
		{"'1970-01-01 02:00 +02:00'", source.ColumnSpec{Type: source.TypeTimestampTZ}, stampTZ + "0"},
		{"'1969-12-31 22:30:00-01:30'", source.ColumnSpec{Type: source.TypeTimestampTZ}, stampTZ + "0"},
		{"'1970-01-01 00:00:00'", source.ColumnSpec{Type: source.TypeTimestampTZ}, stampTZ + "0"},
		{"'1970-01-01 00:00:00+2'", source.ColumnSpec{Type: source.TypeTimestampTZ}, refused},
		{"'1970-01-01 00:00:00+25:00'", source.ColumnSpec{Type: source.TypeTimestampTZ}, refused},

		{"'507F1F77-bcf8-6cd7-9943-9011aabbccdd'", source.ColumnSpec{Type: source.TypeUUID}, "uuid 507f1f77bcf86cd799439011aabbccdd"},
		{"x'507f1f77bcf86cd799439011aabbccdd'", source.ColumnSpec{Type: source.TypeUUID}, "uuid 507f1f77bcf86cd799439011aabbccdd"},
		{"'507f1f77bcf86cd799439011aabbccdd'", source.ColumnSpec{Type: source.TypeUUID}, refused},
		{"'507f1f77-bcf8-6cd7-9943-9011aabbccdg'", source.ColumnSpec{Type: source.TypeUUID}, refused},
		{"x'00'", source.ColumnSpec{Type: source.TypeUUID}, refused},

		{`'{"a": [1, null]}'`, source.ColumnSpec{Type: source.TypeJSON}, `json {"a": [1, null]}`},
		{"5", source.ColumnSpec{Type: source.TypeJSON}, "json 5"},
		{"1.5", source.ColumnSpec{Type: source.TypeJSON}, "json 1.5"},
		{"1e300", source.ColumnSpec{Type: source.TypeJSON}, "json 1e+300"},
		{"9e999", source.ColumnSpec{Type: source.TypeJSON}, refused},
		{"'{a: 1}'", source.ColumnSpec{Type: source.TypeJSON}, refused},
		{"''", source.ColumnSpec{Type: source.TypeJSON}, refused},
		{"CAST(x'22ff22' AS TEXT)", source.ColumnSpec{Type: source.TypeJSON}, refused},
		{"jsonb('{}')", source.ColumnSpec{Type: source.TypeJSON}, refused},
		{"'[1,2]'", source.ColumnSpec{Type: source.ArrayOf(source.TypeBigInt)}, "json [1,2]"},
		{"'{}'", source.ColumnSpec{Type: source.ArrayOf(source.TypeBigInt)}, refused},
		{"'[1] 2'", source.ColumnSpec{Type: source.ArrayOf(source.TypeBigInt)}, refused},
		{"'[1,]'", source.ColumnSpec{Type: source.ArrayOf(source.TypeBigInt)}, refused},
		{"CAST(x'5b22ff225d' AS TEXT)", source.ColumnSpec{Type: source.ArrayOf(source.TypeVarchar)}, refused},
		{"' [1, null , 9223372036854775807, 3.0 ] '", source.ColumnSpec{Type: source.ArrayOf(source.TypeBigInt)}, "json [1,null,9223372036854775807,3]"},
		{`'["abc"]'`, source.ColumnSpec{Type: source.ArrayOf(source.TypeInteger)}, refused},
		{"'[1.5]'", source.ColumnSpec{Type: source.ArrayOf(source.TypeInteger)}, refused},
		{"'[2147483648]'", source.ColumnSpec{Type: source.ArrayOf(source.TypeInteger)}, refused},
		{"'[[1]]'", source.ColumnSpec{Type: source.ArrayOf(source.TypeInteger)}, refused},
		{"'[1, 0, true, null]'", source.ColumnSpec{Type: source.ArrayOf(source.TypeBoolean)}, "json [true,false,true,null]"},
		{"'[2]'", source.ColumnSpec{Type: source.ArrayOf(source.TypeBoolean)}, refused},
		{"'[0.30000000000000004, 7]'", source.ColumnSpec{Type: source.ArrayOf(source.TypeDecimal), Scale: scale(2)}, "json [0.30,7.00]"},
		{`'[1.50, 12345678901234567890.5, "0.10", 1e3]'`, source.ColumnSpec{Type: source.ArrayOf(source.TypeDecimal)},
			"json [1.50,12345678901234567890.5,0.10,1000]"},
		{"'[1, 0.1]'", source.ColumnSpec{Type: source.ArrayOf(source.TypeReal)}, "json [1,0.1]"},
		{`'["a\u00e9", 5, "\""]'`, source.ColumnSpec{Type: source.ArrayOf(source.TypeVarchar)}, `json ["aé","5","\""]`},
		{"'[true]'", source.ColumnSpec{Type: source.ArrayOf(source.TypeVarchar)}, refused},
		{`'["2023-01-31"]'`, source.ColumnSpec{Type: source.ArrayOf(source.TypeDate)}, `json ["2023-01-31"]`},
		{`'["2023-02-31"]'`, source.ColumnSpec{Type: source.ArrayOf(source.TypeDate)}, refused},
		{`'["2023-01-31T10:00:00Z", "2023-01-31 12:00+02:00"]'`, source.ColumnSpec{Type: source.ArrayOf(source.TypeTimestampTZ)},
			`json ["2023-01-31T10:00:00+00:00","2023-01-31T10:00:00+00:00"]`},
		{`'["507F1F77-bcf8-6cd7-9943-9011aabbccdd"]'`, source.ColumnSpec{Type: source.ArrayOf(source.TypeUUID)},
			`json ["507f1f77-bcf8-6cd7-9943-9011aabbccdd"]`},
		{`'["\\x00ff"]'`, source.ColumnSpec{Type: source.ArrayOf(source.TypeVarBinary)}, `json ["\\x00ff"]`},
		{`'["00ff"]'`, source.ColumnSpec{Type: source.ArrayOf(source.TypeVarBinary)}, refused},
		{`'[{"a": [1]}, [], null]'`, source.ColumnSpec{Type: source.ArrayOf(source.TypeJSON)}, `json [{"a": [1]},[],null]`},
		{"'[[1, 2], null, []]'", source.ColumnSpec{Type: source.ArrayOf(source.ArrayOf(source.TypeInteger))}, "json [[1,2],null,[]]"},
		{"'[1]'", source.ColumnSpec{Type: source.ArrayOf(source.ArrayOf(source.TypeInteger))}, refused},

		{"x'00ff'", source.ColumnSpec{Type: source.TypeVarBinary}, "binary 00ff"},
		{"x''", source.ColumnSpec{Type: source.TypeVarBinary}, "binary "},
		{"'a'", source.ColumnSpec{Type: source.TypeVarBinary}, refused},
	} {
		query, err := s.Compile(source.Statement{
			SQL: "SELECT " + c.sql + " AS v", MaxRows: 1, Columns: map[string]source.ColumnSpec{"v": c.spec},
		})
		if err != nil {
			t.Fatal(err)
		}
		sink := &rowSink{}
		err = query.Run(context.Background(), source.Call{}, sink)
		switch {
		case c.want == refused:
			if !dataapi.HasCode(err, dataapi.CodeInternal) || !strings.Contains(err.Error(), `column "v", row 1`) {
				t.Errorf("%s as %s: got %v %v, want an error that names column and row", c.sql, c.spec.Type, sink.rows, err)
			} else if strings.Contains(err.Error(), "abc") {
				t.Errorf("%s as %s: the error tells the value: %v", c.sql, c.spec.Type, err)
			}
		case err != nil || len(sink.rows) != 1 || sink.rows[0] != c.want:
			t.Errorf("%s as %s: got %q %v, want %q", c.sql, c.spec.Type, sink.rows, err, c.want)
		case sink.columns[0].Type != c.spec.Type:
			t.Errorf("%s: the column has type %s, want %s", c.sql, sink.columns[0].Type, c.spec.Type)
		}
	}
}

func TestTypesOfTables(t *testing.T) {
	declared := []struct {
		declaration string
		want        source.Type
		literal     string
		shown       string
	}{
		{"VARCHAR(40)", source.TypeVarchar, "'Sul'", "text Sul"},
		{"text", source.TypeVarchar, "'Sul'", "text Sul"},
		{"INTEGER", source.TypeBigInt, "7", "int 7"},
		{"INT", source.TypeBigInt, "7", "int 7"},
		{"SMALLINT", source.TypeBigInt, "70000", "int 70000"},
		{"unsigned  big int", source.TypeBigInt, "7", "int 7"},
		{"DECIMAL(10,2)", source.TypeDecimal, "150000", "decimal 150000.00"},
		{"DECIMAL( 10 , 3 )", source.TypeDecimal, "0.5", "decimal 0.500"},
		{"NUMERIC", source.TypeDecimal, "0.5", "decimal 0.5"},
		{"NUMERIC(10)", source.TypeDecimal, "0.5", "decimal 0.5"},
		{"REAL", source.TypeDouble, "0.5", "float64 0.5"},
		{"DOUBLE PRECISION", source.TypeDouble, "1", "float64 1"},
		{"BOOLEAN", source.TypeBoolean, "TRUE", "bool 1"},
		{"DATE", source.TypeDate, "'1970-01-02'", fmt.Sprintf("kind %d: 1", source.KindDate)},
		{"TIME", source.TypeTime, "'00:00:01'", fmt.Sprintf("kind %d: 1000000", source.KindTime)},
		{"DATETIME", source.TypeTimestamp, "'1970-01-01 00:00:01'", fmt.Sprintf("kind %d: 1000000", source.KindTimestamp)},
		{"TIMESTAMP WITH TIME ZONE", source.TypeTimestampTZ, "'1970-01-01 00:00:01Z'", fmt.Sprintf("kind %d: 1000000", source.KindTimestampTZ)},
		{`"TIMESTAMP(6) WITH TIME ZONE"`, source.TypeTimestampTZ, "'1970-01-01 00:00:01Z'", fmt.Sprintf("kind %d: 1000000", source.KindTimestampTZ)},
		{"UUID", source.TypeUUID, "'507f1f77-bcf8-6cd7-9943-9011aabbccdd'", "uuid 507f1f77bcf86cd799439011aabbccdd"},
		{"JSON", source.TypeJSON, "'{}'", "json {}"},
		{"JSON", source.TypeJSON, "'5'", "json 5"}, // stored as INTEGER, by the declaration's affinity
		{"BLOB", source.TypeVarBinary, "x'00'", "binary 00"},
		{"GEOMETRY", "", "x'00'", "binary 00"},
		{"", "", "1.5", "float64 1.5"},
	}
	var columns, literals []string
	for i, d := range declared {
		columns = append(columns, fmt.Sprintf("c%d %s", i, d.declaration))
		literals = append(literals, d.literal)
	}
	path := create(t, "CREATE TABLE t("+strings.Join(columns, ", ")+"); INSERT INTO t VALUES ("+strings.Join(literals, ", ")+")")
	query := compiled(t, openSource(t, path, 1), "SELECT * FROM t")

	checked, err := query.Check(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	sink := &rowSink{}
	if err := query.Run(context.Background(), source.Call{}, sink); err != nil {
		t.Fatal(err)
	}
	cells := strings.Split(sink.rows[0], " | ")
	for i, d := range declared {
		if checked[i].Type != d.want {
			t.Errorf("%q: Check says %q, want %q", d.declaration, checked[i].Type, d.want)
		}
		if d.want != "" && sink.columns[i].Type != d.want {
			t.Errorf("%q: Run says %q, want %q", d.declaration, sink.columns[i].Type, d.want)
		}
		if cells[i] != d.shown {
			t.Errorf("%q: got %q, want %q", d.declaration, cells[i], d.shown)
		}
	}
}

// TestTypesOfTheFirstRow covers expressions that neither the table nor the endpoint declares.
func TestTypesOfTheFirstRow(t *testing.T) {
	s := openSource(t, create(t, "CREATE TABLE t(a)"), 1)
	for _, c := range []struct{ sql, columns, rows string }{
		{"SELECT 1 AS a, 1.5 AS b, 'x' AS c, x'00' AS d, NULL AS e", "[{a bigint} {b double} {c varchar} {d varbinary} {e varchar}]",
			"[int 1 | float64 1.5 | text x | binary 00 | null]"},
		{"SELECT 1 AS a WHERE 0", "[{a varchar}]", "[]"},
		{"VALUES (1), (NULL), (3)", "", ""}, // its columns are named column1: an identifier, and kept
		{"SELECT NULL AS a UNION ALL SELECT 7", "[{a varchar}]", "[null text 7]"},
		{"SELECT 1 AS a UNION ALL SELECT 2.0", "[{a bigint}]", "[int 1 int 2]"},
	} {
		sink := &rowSink{}
		if err := compiled(t, s, c.sql).Run(context.Background(), source.Call{}, sink); err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if c.columns == "" {
			continue
		}
		if got := named(sink.columns); got != c.columns {
			t.Errorf("%s: columns %s, want %s", c.sql, got, c.columns)
		}
		if got := fmt.Sprint(sink.rows); got != c.rows {
			t.Errorf("%s: rows %s, want %s", c.sql, got, c.rows)
		}
	}

	err := compiled(t, s, "SELECT 1 AS a UNION ALL SELECT 'secret'").Run(context.Background(), source.Call{}, &rowSink{})
	want := `column "a", row 2: a value of storage class TEXT does not fit type bigint; the first row gave the column its type`
	if !dataapi.HasCode(err, dataapi.CodeInternal) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestNothingIsLeftOfOtherCells runs statements on one connection whose columns, and rows whose values, differ in kind and size:
// an encoder sees only what a cell's kind uses.
func TestNothingIsLeftOfOtherCells(t *testing.T) {
	s := openSource(t, create(t, "CREATE TABLE t(a)"), 1)
	long := strings.Repeat("x", 20_000) // which encoders take in pieces
	for _, test := range []struct{ sql, want string }{
		{"SELECT replace(hex(zeroblob(10000)), '0', 'x') AS a, 2 AS b", `[["` + long + `",2]]`},
		{"SELECT 1 AS a, 2.5 AS b", `[[1,2.5]]`},
		{"SELECT NULL AS a, replace(hex(zeroblob(10000)), '0', 'x') AS b", `[[null,"` + long + `"]]`},
		{"SELECT column1 AS a, column2 AS b FROM (VALUES (7, 'a'), (NULL, NULL), (8, ''), (9, NULL))", `[[7,"a"],[null,null],[8,""],[9,null]]`},
		{"SELECT column1 AS a, column2 AS b FROM (VALUES (x'', 1.5), (NULL, NULL), (x'00', 2.0))", `[["\\x",1.5],[null,null],["\\x00",2]]`},
	} {
		var written bytes.Buffer
		encoder := result.NewJSON(&written, result.JSONOptions{Layout: result.Arrays})
		query := compiled(t, s, test.sql)
		if err := query.Run(t.Context(), source.Call{}, encoder); err != nil {
			t.Fatalf("%s: %v", test.sql, err)
		}
		if err := encoder.End(result.Summary{}); err != nil {
			t.Fatal(err)
		}
		encoder.Close()
		_, rows, _ := strings.Cut(written.String(), `"rows":`)
		rows, _, _ = strings.Cut(rows, `,"row_count"`)
		if rows != test.want {
			t.Errorf("%s: %.200s, want %.200s", test.sql, rows, test.want)
		}
	}
}
