package columnar_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/columnar"
	"github.com/solucao42/caddy-data-api/source"
)

func text(s string) source.Value     { return source.Value{Kind: source.KindText, Bytes: []byte(s)} }
func number(s string) source.Value   { return source.Value{Kind: source.KindDecimal, Bytes: []byte(s)} }
func jsonText(s string) source.Value { return source.Value{Kind: source.KindJSON, Bytes: []byte(s)} }
func integer(n int64) source.Value   { return source.Value{Kind: source.KindInt, Int: n} }
func double(x float64) source.Value  { return source.Value{Kind: source.KindFloat64, Float: x} }
func fixed(scale, most int) source.Digits {
	return source.Digits{Fixed: true, Scale: scale, Precision: most}
}

// sample is a column, values of it, and what Arrow must hold for them, in arrow-go's notation, which drops the zeros that
// end a decimal.
type sample struct {
	column source.Column
	arrow  string // the type
	values []source.Value
	want   []string
}

var id = []byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}

var samples = []sample{
	{source.Column{Name: "smallint", Type: source.TypeSmallInt}, "int16", []source.Value{integer(-32768), integer(32767), number("12.00")}, []string{"-32768", "32767", "12"}},
	{source.Column{Name: "integer", Type: source.TypeInteger}, "int32", []source.Value{integer(math.MinInt32), integer(7), {}}, []string{"-2147483648", "7", "(null)"}},
	{source.Column{Name: "bigint", Type: source.TypeBigInt}, "int64", []source.Value{integer(math.MinInt64), integer(math.MaxInt64), number("9007199254740993")}, []string{"-9223372036854775808", "9223372036854775807", "9007199254740993"}},
	{source.Column{Name: "real", Type: source.TypeReal}, "float32", []source.Value{{Kind: source.KindFloat32, Float: float64(float32(0.1))}, number("0.1"), text("NaN")}, []string{"0.1", "0.1", "NaN"}},
	{source.Column{Name: "double", Type: source.TypeDouble}, "float64", []source.Value{double(5e-324), number("1.7976931348623157e+308"), text("-Infinity")}, []string{"5e-324", "1.7976931348623157e+308", "-Inf"}},
	{source.Column{Name: "boolean", Type: source.TypeBoolean}, "bool", []source.Value{{Kind: source.KindBool, Int: 1}, {Kind: source.KindBool}, {}}, []string{"true", "false", "(null)"}},
	{source.Column{Name: "price", Type: source.TypeDecimal, Digits: fixed(2, 12)}, "decimal(12, 2)", []source.Value{number("-150000.00"), number("0.05"), number("1.5")}, []string{"-150000", "0.05", "1.5"}},
	{source.Column{Name: "wide", Type: source.TypeDecimal, Digits: fixed(3, 38)}, "decimal(38, 3)", []source.Value{number("99999999999999999999999999999999999.999"), number("-0.001"), integer(4)}, []string{"99999999999999999999999999999999999.999", "-0.001", "4"}},
	{source.Column{Name: "wider", Type: source.TypeDecimal, Digits: fixed(10, 70)}, "decimal256(70, 10)", []source.Value{number("123456789012345678901234567890123456789012345.0123456789"), number("0.0000000000"), number("-1.0000000001")}, []string{"123456789012345678901234567890123456789012345.0123456789", "0", "-1.0000000001"}},
	{source.Column{Name: "sum", Type: source.TypeDecimal, Digits: fixed(2, 0)}, "decimal(38, 2)", []source.Value{number("1.10"), number("0.00"), {}}, []string{"1.1", "0", "(null)"}},
	{source.Column{Name: "free", Type: source.TypeDecimal}, "utf8", []source.Value{number("1.10"), number("NaN"), number("1e3")}, []string{"1.10", "NaN", "1e3"}},
	{source.Column{Name: "varchar", Type: source.TypeVarchar}, "utf8", []source.Value{text("é\x00\"\n"), text(""), {}}, []string{"é\x00\"\n", "", "(null)"}},
	{source.Column{Name: "date", Type: source.TypeDate}, "date32", []source.Value{{Kind: source.KindDate, Int: -1}, text("2026-04-11"), {Kind: source.KindDate, Int: 0}}, []string{"1969-12-31", "2026-04-11", "1970-01-01"}},
	{source.Column{Name: "time", Type: source.TypeTime}, "time64[us]", []source.Value{{Kind: source.KindTime, Int: 86_399_999_999}, text("01:02:03.5"), {}}, []string{"23:59:59.999999", "01:02:03.500000", "(null)"}},
	{source.Column{Name: "timestamp", Type: source.TypeTimestamp}, "timestamp[us]", []source.Value{{Kind: source.KindTimestamp, Int: 1}, text("1969-12-31T23:59:59.999999"), {}}, []string{"1970-01-01T00:00:00.000001", "1969-12-31T23:59:59.999999", "(null)"}},
	{source.Column{Name: "timestamptz", Type: source.TypeTimestampTZ}, "timestamp[us, tz=UTC]", []source.Value{{Kind: source.KindTimestampTZ, Int: 1}, text("2026-04-11T10:30:00+00:00"), {}}, []string{"1970-01-01T00:00:00.000001Z", "2026-04-11T10:30:00Z", "(null)"}},
	{source.Column{Name: "uuid", Type: source.TypeUUID}, "extension<arrow.uuid>", []source.Value{{Kind: source.KindUUID, Bytes: id}, text("123e4567-e89b-12d3-a456-426614174000"), {}}, []string{"123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000", "(null)"}},
	{source.Column{Name: "json", Type: source.TypeJSON}, "utf8", []source.Value{jsonText(`{"a": 1}`), jsonText(`"x"`), jsonText(`1.50`)}, []string{`{"a": 1}`, `"x"`, `1.50`}},
	{source.Column{Name: "varbinary", Type: source.TypeVarBinary}, "binary", []source.Value{{Kind: source.KindBinary, Bytes: []byte{0, 255}}, text(`\x00ff`), text(`\x`)}, []string{"AP8=", "AP8=", ""}},
	{source.Column{Name: "interval", Type: source.TypeInterval}, "utf8", []source.Value{text("1 day 02:00:00"), {}, text("00:00:00")}, []string{"1 day 02:00:00", "(null)", "00:00:00"}},
	{source.Column{Name: "integers", Type: source.ArrayOf(source.TypeInteger)}, "list<item: int32, nullable>", []source.Value{jsonText(`[1,null,-3]`), jsonText(`[]`), {}}, []string{"[1,null,-3]", "[]", "(null)"}},
	{source.Column{Name: "prices", Type: source.ArrayOf(source.TypeDecimal), Digits: fixed(2, 9)}, "list<item: decimal(9, 2), nullable>", []source.Value{jsonText(`[1.50]`), jsonText(`[0.01,2.00]`), {}}, []string{`["1.5"]`, `["0.01","2"]`, "(null)"}},
	{source.Column{Name: "texts", Type: source.ArrayOf(source.TypeVarchar)}, "list<item: utf8, nullable>", []source.Value{jsonText(`["a\"","é"]`), jsonText(`[null]`), {}}, []string{`["a\"","é"]`, "[null]", "(null)"}},
	{source.Column{Name: "nested", Type: source.ArrayOf(source.ArrayOf(source.TypeBoolean))}, "list<item: " + "list<item: bool, nullable>, nullable>", []source.Value{jsonText(`[[true],[]]`), jsonText(`[null]`), {}}, []string{"[[true],[]]", "[null]", "(null)"}},
}

var summary = result.Summary{RowCount: 3, MaxRows: 10, Truncated: true, ExecutedAt: time.Unix(0, 0)}

func columnsOf(samples []sample) (columns []source.Column) {
	for _, sample := range samples {
		columns = append(columns, sample.column)
	}
	return columns
}

func encode(t testing.TB, encoder result.Encoder) {
	t.Helper()
	defer encoder.Close()
	if err := encoder.Columns(columnsOf(samples)); err != nil {
		t.Fatal(err)
	}
	for row := range 3 {
		var values []source.Value
		for _, sample := range samples {
			values = append(values, sample.values[row])
		}
		if err := encoder.Row(values); err != nil {
			t.Fatal(err)
		}
	}
	if err := encoder.End(summary); err != nil {
		t.Fatal(err)
	}
}

func compare(t *testing.T, record arrow.RecordBatch, samples []sample) {
	t.Helper()
	if record.NumRows() != 3 || int(record.NumCols()) != len(samples) {
		t.Fatalf("%d rows of %d columns", record.NumRows(), record.NumCols())
	}
	for i, sample := range samples {
		// Parquet has a name of its own for what lists hold.
		if got := strings.ReplaceAll(record.Column(i).DataType().String(), "<element:", "<item:"); got != sample.arrow {
			t.Errorf("%s is of type %s, want %s", sample.column.Name, got, sample.arrow)
		}
		for row, want := range sample.want {
			if got := record.Column(i).ValueStr(row); got != want {
				t.Errorf("%s, row %d: %s, want %s", sample.column.Name, row+1, got, want)
			}
		}
	}
}

func TestArrowHoldsEveryTypeExactly(t *testing.T) {
	var out bytes.Buffer
	size := -2
	encode(t, columnar.NewArrow(&out, result.BeforeFirstWrite(func(n int) { size = n })))
	if size != out.Len() {
		t.Errorf("announced %d bytes, wrote %d", size, out.Len())
	}
	reader, err := ipc.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	if !reader.Next() {
		t.Fatal(reader.Err())
	}
	compare(t, reader.RecordBatch(), samples)
	for i, sample := range samples {
		if name, _ := reader.Schema().Field(i).Metadata.GetValue("data_api.type"); name != string(sample.column.Type) {
			t.Errorf("%s: metadata says %q", sample.column.Name, name)
		}
	}
	if reader.Next() {
		t.Error("there is a second batch")
	}
}

func TestParquetHoldsEveryTypeExactly(t *testing.T) {
	var out bytes.Buffer
	encode(t, columnar.NewParquet(&out, nil))
	record, metadata := readParquet(t, out.Bytes())
	var inParquet []sample
	for _, sample := range samples {
		if sample.column.Name == "wider" { // than the decimals that all readers know: text, with every digit
			sample.arrow, sample.want = "utf8", []string{sample.want[0], "0.0000000000", sample.want[2]}
		}
		inParquet = append(inParquet, sample)
	}
	compare(t, record, inParquet)
	if got := *metadata.FindValue("data_api.truncated"); got != "true" {
		t.Errorf("data_api.truncated is %s", got)
	}
}

// readParquet reads a file of one row group with Apache's library, which is not the one that has written it.
func readParquet(t testing.TB, body []byte) (arrow.RecordBatch, metadata.KeyValueMetadata) {
	t.Helper()
	reader, err := file.NewParquetReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := rows.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	records := array.NewTableReader(table, 0)
	if !records.Next() {
		t.Fatal("no rows")
	}
	return records.RecordBatch(), reader.MetaData().KeyValueMetadata()
}

// TestListsInParquet: whatever is NULL or empty at whatever depth, Parquet holds what Arrow does.
func TestListsInParquet(t *testing.T) {
	columns := []source.Column{
		{Name: "z", Type: source.ArrayOf(source.TypeInteger)}, {Name: "a", Type: source.ArrayOf(source.ArrayOf(source.TypeVarchar))}, {Name: "m", Type: source.TypeBigInt},
	}
	leaf := rapid.SampledFrom([]string{"null", "1", "-7"})
	list := func(of *rapid.Generator[string]) *rapid.Generator[string] {
		return rapid.Map(rapid.SliceOfN(of, 0, 4), func(items []string) string { return "[" + strings.Join(items, ",") + "]" })
	}
	words := list(rapid.OneOf(rapid.Just("null"), list(rapid.SampledFrom([]string{"null", `""`, `"é"`}))))
	rapid.Check(t, func(rt *rapid.T) {
		var stream, file bytes.Buffer
		encoders := []result.Encoder{columnar.NewArrow(&stream, nil), columnar.NewParquet(&file, nil)}
		rows := rapid.IntRange(1, 6).Draw(rt, "rows")
		for _, encoder := range encoders {
			if err := encoder.Columns(columns); err != nil {
				t.Fatal(err)
			}
		}
		for range rows {
			row := []source.Value{jsonText(list(leaf).Draw(rt, "integers")), jsonText(words.Draw(rt, "words")), integer(3)}
			if rapid.Bool().Draw(rt, "null") {
				row[rapid.IntRange(0, 2).Draw(rt, "which")] = source.Value{}
			}
			for _, encoder := range encoders {
				if err := encoder.Row(row); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, encoder := range encoders {
			if err := encoder.End(summary); err != nil {
				t.Fatal(err)
			}
			encoder.Close()
		}
		reader, err := ipc.NewReader(&stream)
		if err != nil || !reader.Next() {
			t.Fatal(err)
		}
		want := reader.RecordBatch()
		got, _ := readParquet(t, file.Bytes())
		for i := range columns {
			for row := range rows {
				if want, got := want.Column(i).ValueStr(row), got.Column(i).ValueStr(row); want != got {
					rt.Fatalf("%s, row %d: Arrow has %s, Parquet %s", columns[i].Name, row+1, want, got)
				}
			}
		}
	})
}

// TestInfinityIsTheLastOfItsType: no finite value is there, so that nothing is lost.
func TestInfinityIsTheLastOfItsType(t *testing.T) {
	columns := []source.Column{{Name: "d", Type: source.TypeDate}, {Name: "t", Type: source.TypeTimestampTZ}}
	var out bytes.Buffer
	encoder := columnar.NewArrow(&out, nil)
	defer encoder.Close()
	if err := errors.Join(encoder.Columns(columns),
		encoder.Row([]source.Value{{Kind: source.KindDate, Int: math.MaxInt64}, {Kind: source.KindTimestampTZ, Int: math.MaxInt64}}),
		encoder.Row([]source.Value{text("-infinity"), text("-infinity")}), encoder.End(summary)); err != nil {
		t.Fatal(err)
	}
	reader, err := ipc.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	if !reader.Next() {
		t.Fatal(reader.Err())
	}
	days := reader.RecordBatch().Column(0).(*array.Date32)
	micros := reader.RecordBatch().Column(1).(*array.Timestamp)
	if days.Value(0) != math.MaxInt32 || days.Value(1) != math.MinInt32 || micros.Value(0) != math.MaxInt64 || micros.Value(1) != math.MinInt64 {
		t.Errorf("got %v and %v", days, micros)
	}
}

// TestWhatHasNoExactPlaceIsRefused: nothing is rounded, cut or made NULL.
func TestWhatHasNoExactPlaceIsRefused(t *testing.T) {
	for _, c := range []struct {
		column source.Column
		value  source.Value
	}{
		{source.Column{Type: source.TypeDecimal, Digits: fixed(2, 4)}, number("100.00")},
		{source.Column{Type: source.TypeDecimal, Digits: fixed(2, 4)}, number("1.001")},
		{source.Column{Type: source.TypeDecimal, Digits: fixed(2, 4)}, number("NaN")},
		{source.Column{Type: source.TypeDecimal, Digits: fixed(2, 4)}, number("-Infinity")},
		{source.Column{Type: source.TypeDecimal, Digits: fixed(2, 4)}, number("")},
		{source.Column{Type: source.TypeDecimal, Digits: fixed(2, 4)}, number("-")},
		{source.Column{Type: source.TypeSmallInt}, integer(32768)},
		{source.Column{Type: source.TypeBigInt}, number("1.5")},
		{source.Column{Type: source.TypeBigInt}, number("9223372036854775808")},
		{source.Column{Type: source.TypeDouble}, integer(1<<53 + 1)},
		{source.Column{Type: source.TypeDouble}, number("1e999")},
		{source.Column{Type: source.TypeBoolean}, text("true")},
		{source.Column{Type: source.TypeTime}, source.Value{Kind: source.KindTime, Int: 86_400_000_000}},
		{source.Column{Type: source.TypeTimestamp}, text("294276-12-31T23:59:59.999999")},
		{source.Column{Type: source.TypeTimestamp}, text("2026-01-01T00:00:00+00:00")},
		{source.Column{Type: source.TypeTimestampTZ}, text("2026-01-01T00:00:00")},
		{source.Column{Type: source.TypeDate}, text("yesterday")},
		{source.Column{Type: source.TypeDate}, text("2026-02-30")},
		{source.Column{Type: source.TypeUUID}, text("{123e4567-e89b-12d3-a456-426614174000}")},
		{source.Column{Type: source.TypeVarBinary}, text("00ff")},
		{source.Column{Type: source.ArrayOf(source.TypeInteger)}, jsonText("[[1,2]]")},
		{source.Column{Type: source.ArrayOf(source.TypeInteger)}, jsonText("[1.5]")},
		{source.Column{Type: source.ArrayOf(source.TypeInteger)}, jsonText(`{"a":1}`)},
	} {
		encoder := columnar.NewArrow(&bytes.Buffer{}, nil)
		if err := encoder.Columns([]source.Column{{Name: "c", Type: c.column.Type, Digits: c.column.Digits}}); err != nil {
			t.Fatal(err)
		}
		err := encoder.Row([]source.Value{c.value})
		if dataapi.AsError(err).Code != dataapi.CodeNotAcceptable || !strings.Contains(dataapi.AsError(err).Detail, "Row 1") {
			t.Errorf("%s %s: %v", c.column.Type, result.AppendText(nil, c.value), err)
		}
		encoder.Close()
		encoder.Close()
	}
}

// TestBatchesStream: batches and row groups are written as they fill up.
func TestBatchesStream(t *testing.T) {
	columns := []source.Column{{Name: "n", Type: source.TypeBigInt}, {Name: "b", Type: source.TypeVarBinary}}
	random, noise := rand.NewChaCha8([32]byte{}), make([]byte, 1000)
	for name, encoderOf := range map[string]func(*bytes.Buffer, result.BeforeFirstWrite) result.Encoder{
		"arrow":   func(out *bytes.Buffer, f result.BeforeFirstWrite) result.Encoder { return columnar.NewArrow(out, f) },
		"parquet": func(out *bytes.Buffer, f result.BeforeFirstWrite) result.Encoder { return columnar.NewParquet(out, f) },
	} {
		var out bytes.Buffer
		announced, held, rows := -2, 0, 0
		encoder := encoderOf(&out, func(size int) { announced = size })
		if err := encoder.Columns(columns); err != nil {
			t.Fatal(err)
		}
		for ; rows < 40_000; rows++ {
			_, _ = random.Read(noise) // it never fails
			if err := encoder.Row([]source.Value{integer(int64(rows)), {Kind: source.KindBinary, Bytes: noise}}); err != nil {
				t.Fatal(err)
			}
			held = max(held, rows*1000-out.Len())
		}
		if err := encoder.End(summary); err != nil {
			t.Fatal(err)
		}
		encoder.Close()
		if announced != -1 || out.Len() < 30_000_000 || held > 20<<20 {
			t.Errorf("%s: announced %d, wrote %d, held %d bytes", name, announced, out.Len(), held)
		}
	}
}

func TestNoRows(t *testing.T) {
	var out bytes.Buffer
	encoder := columnar.NewArrow(&out, nil)
	defer encoder.Close()
	if err := errors.Join(encoder.Columns(columnsOf(samples)), encoder.End(summary)); err != nil {
		t.Fatal(err)
	}
	if encoder.Row(nil) == nil || encoder.End(summary) == nil || encoder.Columns(nil) == nil {
		t.Error("a call after the end was accepted")
	}
	reader, err := ipc.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	if reader.Next() || len(reader.Schema().Fields()) != len(samples) {
		t.Error("an empty result has rows, or no schema")
	}
}

func TestRowsDoNotAllocateEach(t *testing.T) {
	columns := []source.Column{{Name: "n", Type: source.TypeBigInt}, {Name: "t", Type: source.TypeVarchar}, {Name: "p", Type: source.TypeDecimal, Digits: fixed(2, 12)}, {Name: "d", Type: source.TypeDate}}
	row := []source.Value{integer(1), text("Abilene and around"), number("71400.00"), {Kind: source.KindDate, Int: 18000}}
	encoder := columnar.NewArrow(&bytes.Buffer{}, nil)
	defer encoder.Close()
	if err := encoder.Columns(columns); err != nil {
		t.Fatal(err)
	}
	const rows = 50_000
	allocations := testing.AllocsPerRun(1, func() {
		for range rows {
			if err := encoder.Row(row); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocations > rows/20 {
		t.Errorf("%s allocations for %d rows", strconv.FormatFloat(allocations, 'f', 0, 64), rows)
	}
}
