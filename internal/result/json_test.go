package result_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

var (
	guideColumns = []source.Column{{Name: "regiao", Type: source.TypeVarchar}, {Name: "total", Type: source.TypeDecimal}}
	guideRow     = []source.Value{text("Sul"), {Kind: source.KindDecimal, Bytes: []byte("150000.00")}}
	guideSummary = result.Summary{RowCount: 1, MaxRows: 10000, ExecutedAt: time.Date(2026, 4, 11, 12, 30, 0, 5, time.FixedZone("", 7200))}
)

func text(s string) source.Value { return source.Value{Kind: source.KindText, Bytes: []byte(s)} }

func encode(t *testing.T, options result.JSONOptions, columns []source.Column, rows ...[]source.Value) string {
	t.Helper()
	var out bytes.Buffer
	encoder := result.NewJSON(&out, options)
	defer encoder.Close()
	if err := encoder.Columns(columns); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := encoder.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := encoder.End(guideSummary); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestJSONIsTheGuidesDocument(t *testing.T) {
	const columnsAndRows = `{"columns":[{"name":"regiao","type":"varchar"},{"name":"total","type":"decimal"}],` +
		`"rows":[{"regiao":"Sul","total":150000.00}],"row_count":1,"truncated":false`
	got := encode(t, result.JSONOptions{}, guideColumns, guideRow)
	if want := columnsAndRows + `,"max_rows":10000,"executed_at":"2026-04-11T10:30:00Z"}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = encode(t, result.JSONOptions{OmitLimits: true}, guideColumns, guideRow)
	if want := columnsAndRows + `}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestJSONOfNoRowsOneRowManyRows(t *testing.T) {
	for count := range 4 {
		got := encode(t, result.JSONOptions{}, guideColumns, make([][]source.Value, 0, 4)...)
		if count > 0 {
			rows := make([][]source.Value, count)
			for i := range rows {
				rows[i] = guideRow
			}
			got = encode(t, result.JSONOptions{}, guideColumns, rows...)
		}
		var document struct{ Rows []map[string]any }
		if err := json.Unmarshal([]byte(got), &document); err != nil || len(document.Rows) != count {
			t.Errorf("%d rows: %v\n%s", count, err, got)
		}
	}
}

func TestJSONKeysAreEscaped(t *testing.T) {
	got := encode(t, result.JSONOptions{OmitLimits: true}, []source.Column{{Name: "a\"b\n", Type: source.TypeInteger}},
		[]source.Value{{Kind: source.KindInt, Int: 1}})
	if !strings.Contains(got, `[{"name":"a\"b\n","type":"integer"}],"rows":[{"a\"b\n":1}]`) {
		t.Error(got)
	}
}

// writes records each write, so that a test sees when and how much an encoder writes.
type writes struct {
	sizes []int
	all   bytes.Buffer
	fail  error
}

func (w *writes) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	if w.fail != nil {
		return 0, w.fail
	}
	return w.all.Write(p)
}

func TestSmallResultIsOneWriteOfAKnownSize(t *testing.T) {
	var out writes
	announced := 0
	encoder := result.NewJSON(&out, result.JSONOptions{BeforeFirstWrite: result.BeforeFirstWrite(func(size int) {
		if len(out.sizes) > 0 {
			t.Error("called after the first write")
		}
		announced = size
	})})
	defer encoder.Close()
	if err := errors.Join(encoder.Columns(guideColumns), encoder.Row(guideRow)); err != nil {
		t.Fatal(err)
	}
	if len(out.sizes) > 0 {
		t.Fatal("written before End")
	}
	if err := encoder.End(guideSummary); err != nil {
		t.Fatal(err)
	}
	if len(out.sizes) != 1 || announced != out.sizes[0] {
		t.Errorf("announced %d, wrote %v", announced, out.sizes)
	}
}

func TestLargeResultStreamsInSmallWrites(t *testing.T) {
	var out writes
	calls, announced := 0, 0
	encoder := result.NewJSON(&out, result.JSONOptions{BeforeFirstWrite: result.BeforeFirstWrite(func(size int) { calls, announced = calls+1, size })})
	defer encoder.Close()
	columns := []source.Column{{Name: "t", Type: source.TypeVarchar}, {Name: "b", Type: source.TypeVarBinary}, {Name: "j", Type: source.TypeJSON}}
	if err := encoder.Columns(columns); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("é\"\n<", 300_000)
	blob := bytes.Repeat([]byte{0, 0xAB, 0xFF}, 100_000)
	document := []byte(`["` + strings.Repeat("x", 200_000) + `"]`)
	for range 3 {
		err := encoder.Row([]source.Value{text(long), {Kind: source.KindBinary, Bytes: blob}, {Kind: source.KindJSON, Bytes: document}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := encoder.End(guideSummary); err != nil {
		t.Fatal(err)
	}
	if calls != 1 || announced != -1 {
		t.Errorf("called %d times with size %d", calls, announced)
	}
	for _, size := range out.sizes {
		if size > 128<<10 {
			t.Errorf("one write of %d bytes", size)
		}
	}
	var got struct{ Rows []struct{ T, B string } }
	if err := json.Unmarshal(out.all.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 3 || got.Rows[2].T != long || got.Rows[2].B != fmt.Sprintf(`\x%x`, blob) {
		t.Error("the values did not survive")
	}
}

func TestWritersErrorIsReturnedAndFinal(t *testing.T) {
	broken := errors.New("broken pipe")
	out := writes{fail: broken}
	encoder := result.NewJSON(&out, result.JSONOptions{})
	defer encoder.Close()
	if err := encoder.Columns(guideColumns); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 0; i < 10_000 && err == nil; i++ {
		err = encoder.Row(guideRow)
	}
	if !errors.Is(err, broken) || !errors.Is(encoder.End(guideSummary), broken) || len(out.sizes) != 1 {
		t.Errorf("got %v after %d writes", err, len(out.sizes))
	}
}

func TestMethodsOutOfOrderAreRefused(t *testing.T) {
	encoder := result.NewJSON(io.Discard, result.JSONOptions{})
	if encoder.Row(guideRow) == nil || encoder.End(guideSummary) == nil {
		t.Error("a row or an end before the columns was accepted")
	}
	if err := encoder.Columns(guideColumns); err != nil {
		t.Fatal(err)
	}
	if encoder.Columns(guideColumns) == nil || encoder.Row(guideRow[:1]) == nil {
		t.Error("columns twice, or a short row, was accepted")
	}
	if err := encoder.End(guideSummary); err != nil {
		t.Fatal(err)
	}
	if encoder.Row(guideRow) == nil || encoder.End(guideSummary) == nil {
		t.Error("a row or an end after the end was accepted")
	}
	encoder.Close()
	encoder.Close()
}

func everyKind() []source.Value {
	return []source.Value{
		{Kind: source.KindNull}, {Kind: source.KindBool, Int: 1}, {Kind: source.KindInt, Int: -1 << 63}, {Kind: source.KindFloat32, Float: 0.1},
		{Kind: source.KindFloat64, Float: 1e300}, {Kind: source.KindDecimal, Bytes: []byte("-0.0010")}, text("é\x00\"\\\n"),
		{Kind: source.KindJSON, Bytes: []byte(`{"a": 1}`)}, {Kind: source.KindBinary, Bytes: []byte{1, 255}},
		{Kind: source.KindUUID, Bytes: bytes.Repeat([]byte{0xA0}, 16)}, {Kind: source.KindDate, Int: 1}, {Kind: source.KindTime, Int: 1},
		{Kind: source.KindTimestamp, Int: -1}, {Kind: source.KindTimestampTZ, Int: 1},
	}
}

func TestRowsDoNotAllocate(t *testing.T) {
	values := everyKind()
	columns := make([]source.Column, len(values))
	for i := range columns {
		columns[i] = source.Column{Name: fmt.Sprint("column ", i), Type: source.TypeVarchar}
	}
	encoder := result.NewJSON(io.Discard, result.JSONOptions{})
	defer encoder.Close()
	if err := encoder.Columns(columns); err != nil {
		t.Fatal(err)
	}
	allocations := testing.AllocsPerRun(10_000, func() {
		if err := encoder.Row(values); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations per row of %d cells", allocations, len(values))
	}
}

func BenchmarkJSON10000Rows(b *testing.B) {
	columns := []source.Column{{Name: "id", Type: source.TypeBigInt}, {Name: "city", Type: source.TypeVarchar}, {Name: "price", Type: source.TypeDecimal}, {Name: "day", Type: source.TypeDate}, {Name: "at", Type: source.TypeTimestampTZ}, {Name: "rate", Type: source.TypeDouble}}
	row := []source.Value{{Kind: source.KindInt, Int: 123456}, text("Abilene and around"), {Kind: source.KindDecimal, Bytes: []byte("71400.00")}, {Kind: source.KindDate, Int: 18000}, {Kind: source.KindTimestampTZ, Int: 1_700_000_000_123_456}, {Kind: source.KindFloat64, Float: 6.3}}
	b.ReportAllocs()
	for b.Loop() {
		encoder := result.NewJSON(io.Discard, result.JSONOptions{})
		if err := encoder.Columns(columns); err != nil {
			b.Fatal(err)
		}
		for range 10_000 {
			if err := encoder.Row(row); err != nil {
				b.Fatal(err)
			}
		}
		if err := encoder.End(guideSummary); err != nil {
			b.Fatal(err)
		}
		encoder.Close()
	}
}
