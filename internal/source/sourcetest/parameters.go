package sourcetest

import (
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source"
)

// samples are values of every type that every database keeps, in their canonical text.
var samples = map[params.Type][]string{
	params.String: {
		"Sul", "", "it's; DROP TABLE x --", "line\nbreak\ttab", `"quoted" \ back`, "São Paulo", "日本語 🙂", "\x01\x1f\x7f",
		"{1,2}", `["a"]`, "NULL", "null", "@p", "%", " spaces ",
	},
	params.Integer:   {"0", "-1", "42", "9007199254740993", strconv.Itoa(math.MaxInt64), strconv.Itoa(math.MinInt64)},
	params.Decimal:   {"0.00", "150000.00", "-0.05", "0.10", "12345678901.25"},
	params.Boolean:   {"true", "false"},
	params.Date:      {"2026-01-01", "2024-02-29", "1969-12-31", "1900-03-01", "9999-12-31"},
	params.Timestamp: {"2026-01-31T10:00:00Z", "2026-01-31T23:59:59.123456Z", "1969-12-31T23:59:59Z", "2024-02-29T00:00:00.5Z"},
	params.UUID:      {"507f1f77-bcf8-6cd7-9943-9011aabbccdd", "00000000-0000-0000-0000-000000000000"},
}

// columnTypes are the SQL types that echo the parameter types.
var columnTypes = map[params.Type]result.Type{
	params.String: result.Varchar, params.Integer: result.BigInt, params.Decimal: result.DecimalType, params.Boolean: result.Boolean,
	params.Date: result.DateType, params.Timestamp: result.TimestampTZType, params.UUID: result.UUIDType,
}

func sample(t *testing.T, kind params.Type, canonical string) params.Value {
	t.Helper()
	value := params.Value{Type: kind, Text: canonical}
	switch kind {
	case params.Integer:
		n, err := strconv.ParseInt(canonical, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		value.Int = n
	case params.Boolean:
		if canonical == "true" {
			value.Int = 1
		}
	}
	return value
}

func echo(t *testing.T, s source.Source, sql string, kind params.Type, array bool) source.Query {
	t.Helper()
	if sql == "" {
		t.Fatalf("the dialect has no statement for %s", kind)
	}
	spec := result.ColumnSpec{Type: columnTypes[kind]}
	if kind == params.Decimal {
		scale := 2
		spec.Scale = &scale
	}
	return compile(t, s, source.Statement{
		SQL: sql, Params: []source.Param{{Name: "p", Type: kind, Array: array}}, Columns: map[string]result.ColumnSpec{"v": spec},
	})
}

func testParameters(t *testing.T, dialect Dialect) {
	s := open(t, dialect, 2)
	for _, kind := range params.Types() {
		query := echo(t, s, dialect.Echo[kind], kind, false)
		for _, canonical := range samples[kind] {
			sink := run(t, query, sample(t, kind, canonical))
			if len(sink.rows) != 1 || sink.rows[0][0] != canonical {
				t.Errorf("%s %q came back as %q", kind, canonical, sink.rows)
			}
			if want := columnTypes[kind]; sink.columns[0].Type != want {
				t.Errorf("%s comes back in a column of type %s, want %s", kind, sink.columns[0].Type, want)
			}
		}
		sink := run(t, query, params.Value{Type: kind, Null: true})
		if len(sink.rows) != 1 || sink.rows[0][0] != null {
			t.Errorf("%s null came back as %q", kind, sink.rows)
		}
	}
}

func testArrays(t *testing.T, dialect Dialect) {
	s := open(t, dialect, 2)
	for _, kind := range params.Types() {
		query := echo(t, s, dialect.EchoArray[kind], kind, true)
		array := params.Value{Type: kind, Array: true}
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
		if sink := run(t, query, params.Value{Type: kind, Array: true, Null: true}); len(sink.rows) != 0 {
			t.Errorf("a null array of %s came back as %q", kind, sink.rows)
		}
	}
}

const null = "<null>"

// text writes a value as the parameter type that it stands for is written.
func text(v result.Value) string {
	switch v.Kind {
	case result.Null:
		return null
	case result.Bool:
		return strconv.FormatBool(v.Int != 0)
	case result.Int:
		return strconv.FormatInt(v.Int, 10)
	case result.Float32, result.Float64:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case result.UUID:
		digits := hex.EncodeToString(v.Bytes)
		return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
	case result.Date:
		return time.Unix(v.Int*86400, 0).UTC().Format(time.DateOnly)
	case result.Time:
		return time.UnixMicro(v.Int).UTC().Format("15:04:05.999999")
	case result.Timestamp:
		return time.UnixMicro(v.Int).UTC().Format("2006-01-02T15:04:05.999999")
	case result.TimestampTZ:
		return time.UnixMicro(v.Int).UTC().Format(time.RFC3339Nano)
	default:
		return string(v.Bytes)
	}
}
