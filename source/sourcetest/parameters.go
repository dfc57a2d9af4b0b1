package sourcetest

import (
	"context"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

// samples are values of every type that every database keeps, in their canonical text.
var samples = map[source.ParamType][]string{
	source.ParamString: {
		"Sul", "", "it's; DROP TABLE x --", "line\nbreak\ttab", `"quoted" \ back`, "São Paulo", "日本語 🙂", "\x01\x1f\x7f",
		"{1,2}", `["a"]`, "NULL", "null", "@p", "%", " spaces ",
	},
	source.ParamInteger:   {"0", "-1", "42", "9007199254740993", strconv.Itoa(math.MaxInt64), strconv.Itoa(math.MinInt64)},
	source.ParamDecimal:   {"0.00", "150000.00", "-0.05", "0.10", "12345678901.25"},
	source.ParamBoolean:   {"true", "false"},
	source.ParamDate:      {"2026-01-01", "2024-02-29", "1969-12-31", "1900-03-01", "9999-12-31"},
	source.ParamTimestamp: {"2026-01-31T10:00:00Z", "2026-01-31T23:59:59.123456Z", "1969-12-31T23:59:59Z", "2024-02-29T00:00:00.5Z"},
	source.ParamUUID:      {"507f1f77-bcf8-6cd7-9943-9011aabbccdd", "00000000-0000-0000-0000-000000000000"},
}

// columnTypes are the types of columns that show parameters.
var columnTypes = map[source.ParamType]source.Type{
	source.ParamString: source.TypeVarchar, source.ParamInteger: source.TypeBigInt, source.ParamDecimal: source.TypeDecimal,
	source.ParamBoolean: source.TypeBoolean,
	source.ParamDate:    source.TypeDate, source.ParamTimestamp: source.TypeTimestampTZ, source.ParamUUID: source.TypeUUID,
}

func sample(t *testing.T, kind source.ParamType, canonical string) source.Argument {
	t.Helper()
	value := source.Argument{Type: kind, Text: canonical}
	switch kind {
	case source.ParamInteger:
		n, err := strconv.ParseInt(canonical, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		value.Int = n
	case source.ParamBoolean:
		if canonical == "true" {
			value.Int = 1
		}
	}
	return value
}

// echo compiles a statement whose column v shows a parameter. The column is declared as the parameter's type, for databases that do not
// know it; a source that refuses declarations, as it may, is asked without.
func echo(t *testing.T, s source.Source, sql string, kind source.ParamType, array bool) source.Query {
	t.Helper()
	statement := source.Statement{SQL: sql, MaxRows: 1000, Params: []source.Param{{Name: "p", Type: kind, Array: array}}}
	declared := statement
	spec := source.ColumnSpec{Type: columnTypes[kind]}
	if kind == source.ParamDecimal {
		scale := 2
		spec.Scale = &scale
	}
	declared.Columns = map[string]source.ColumnSpec{"v": spec}
	query, err := s.Compile(declared)
	if err == nil {
		_, err = query.Check(context.Background())
	}
	if _, refused := errors.AsType[*source.StatementError](err); refused {
		query, err = s.Compile(statement)
	}
	if err != nil {
		t.Fatalf("Compile and Check of %q, whose column v may be declared as %s: %v", sql, columnTypes[kind], err)
	}
	return query
}

func testParameters(t *testing.T, db Database) {
	s := open(t, db, 2)
	for _, kind := range source.ParamTypes() {
		t.Run(string(kind), func(t *testing.T) {
			query := echo(t, s, db.Echo[kind], kind, false)
			for _, canonical := range samples[kind] {
				sink := run(t, query, sample(t, kind, canonical))
				if len(sink.rows) != 1 || sink.rows[0][0] != canonical {
					t.Errorf("%s %q came back as %q", kind, canonical, sink.rows)
				}
			}
			sink := run(t, query, source.Argument{Type: kind, Null: true})
			if len(sink.rows) != 1 || sink.rows[0][0] != null {
				t.Errorf("%s null came back as %q", kind, sink.rows)
			}
			if want := columnTypes[kind]; sink.columns[0].Type != want {
				t.Errorf("%s comes back in a column of type %s, want %s", kind, sink.columns[0].Type, want)
			}
		})
	}
}

func testArrays(t *testing.T, db Database) {
	s := open(t, db, 2)
	for _, kind := range source.ParamTypes() {
		t.Run(string(kind), func(t *testing.T) {
			query := echo(t, s, db.EchoArray[kind], kind, true)
			array := source.Argument{Type: kind, Array: true}
			if sink := run(t, query, array); len(sink.rows) != 0 {
				t.Errorf("an empty array of %s came back as %q", kind, sink.rows)
			}
			for _, canonical := range samples[kind] {
				array.Items = append(array.Items, sample(t, kind, canonical))
			}
			var got []string
			for _, row := range run(t, query, array).rows {
				got = append(got, row[0])
			}
			if !slices.Equal(got, samples[kind]) {
				t.Errorf("an array of %s came back as %q, want %q", kind, got, samples[kind])
			}
			if sink := run(t, query, source.Argument{Type: kind, Array: true, Null: true}); len(sink.rows) != 0 {
				t.Errorf("a null array of %s came back as %q", kind, sink.rows)
			}
		})
	}
}

const null = "<null>"

// text writes a value as the parameter type that it belongs to is written.
func text(v source.Value) string {
	switch v.Kind {
	case source.KindNull:
		return null
	case source.KindBool:
		return strconv.FormatBool(v.Int != 0)
	case source.KindInt:
		return strconv.FormatInt(v.Int, 10)
	case source.KindFloat32, source.KindFloat64:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case source.KindUUID:
		digits := hex.EncodeToString(v.Bytes)
		return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
	case source.KindDate:
		return time.Unix(v.Int*86400, 0).UTC().Format(time.DateOnly)
	case source.KindTime:
		return time.UnixMicro(v.Int).UTC().Format("15:04:05.999999")
	case source.KindTimestamp:
		return time.UnixMicro(v.Int).UTC().Format("2006-01-02T15:04:05.999999")
	case source.KindTimestampTZ:
		return time.UnixMicro(v.Int).UTC().Format(time.RFC3339Nano)
	default:
		return string(v.Bytes)
	}
}
