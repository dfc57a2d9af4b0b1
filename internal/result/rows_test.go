package result_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// encodeRows writes a result with these cells as text, a column for each name.
func encodeRows(t testing.TB, names []string, rows [][]string) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := result.NewJSON(&out, result.JSONOptions{OmitLimits: true})
	defer encoder.Close()
	var columns []source.Column
	for _, name := range names {
		columns = append(columns, source.Column{Name: name, Type: source.TypeVarchar})
	}
	if err := encoder.Columns(columns); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		var values []source.Value
		for _, cell := range row {
			values = append(values, source.Value{Kind: source.KindText, Bytes: []byte(cell)})
		}
		if err := encoder.Row(values); err != nil {
			t.Fatal(err)
		}
	}
	if err := encoder.End(result.Summary{RowCount: len(rows), ExecutedAt: time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// scanRows cuts a result into rows, beginning a new scanner at each of them, as pages do.
func scanRows(t testing.TB, text []byte) (rows [][]byte) {
	t.Helper()
	scanner := result.NewRowScanner(iotest.OneByteReader(bytes.NewReader(text)), 0)
	begin, err := scanner.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for next := begin; next != 0; begin = next {
		var end int64
		end, next, err = scanner.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, text[begin:end])
		if next != 0 {
			scanner = result.NewRowScanner(bytes.NewReader(text[next:]), next)
		}
	}
	if _, _, err := scanner.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last row: %v", err)
	}
	return rows
}

func compareRows(t testing.TB, text []byte) {
	t.Helper()
	var want struct {
		Rows []json.RawMessage `json:"rows"`
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	got := scanRows(t, text)
	if len(got) != len(want.Rows) {
		t.Fatalf("%d rows were found, %d are there: %.300s", len(got), len(want.Rows), text)
	}
	for i := range got {
		if !bytes.Equal(got[i], want.Rows[i]) {
			t.Errorf("row %d is %.200s, want %.200s", i, got[i], want.Rows[i])
		}
	}
}

func TestRowScanner(t *testing.T) {
	compareRows(t, encodeRows(t, []string{"a"}, nil))
	compareRows(t, encodeRows(t, nil, [][]string{{}, {}}))
	compareRows(t, encodeRows(t, []string{`],"rows":[`, `\`, `"]`}, [][]string{
		{`},{`, `"`, `\`}, {`\"`, `]]]`, `{{{`}, {"", strings.Repeat(`"\`, 70_000), "\n"},
	}))
}

func TestRowScannerRefusesWhatIsNoResult(t *testing.T) {
	for _, text := range []string{``, `{`, `{"columns":[]}`, `{"columns":[],"rows":[x`, `{"columns":[],"rows":[{"a":"`, `{"columns":[],"rows":[{"a":"\`, `{"columns":[],"rows":[{}x`, `{"columns":[],"rows":[{}`} {
		scanner := result.NewRowScanner(strings.NewReader(text), 0)
		_, err := scanner.Begin()
		if err == nil {
			_, _, err = scanner.Next()
		}
		if !errors.Is(err, result.ErrNoRows) {
			t.Errorf("%s: %v", text, err)
		}
	}
	torn := errors.New("torn")
	scanner := result.NewRowScanner(io.MultiReader(strings.NewReader(`{"columns":[],"rows":[{"a":`), iotest.ErrReader(torn)), 0)
	if _, err := scanner.Begin(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := scanner.Next(); !errors.Is(err, torn) {
		t.Errorf("a reader that fails: %v", err)
	}
}

// FuzzRowScanner: whatever the names and the cells hold, the scanner finds the rows that a JSON decoder finds.
func FuzzRowScanner(f *testing.F) {
	f.Add("a", "b", "x", "y")
	f.Add(`],"rows":[`, `{"`, `},{`, `\"]`)
	f.Add("\x00", "é", "\xff", `\\`)
	f.Fuzz(func(t *testing.T, name, other, cell, last string) {
		if name == other {
			other += "2"
		}
		text := encodeRows(t, []string{name, other}, [][]string{{cell, last}, {last, cell}, {"", cell + last}})
		if json.Valid(text) {
			compareRows(t, text)
		}
	})
}

func BenchmarkRowScanner(b *testing.B) {
	row := []string{"row number 17 of a long result, padded to a usual width of some hundred characters", "150000.00"}
	rows := make([][]string, 10_000)
	for i := range rows {
		rows[i] = row
	}
	text := encodeRows(b, []string{"label", "total"}, rows)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		scanner := result.NewRowScanner(bytes.NewReader(text), 0)
		if _, err := scanner.Begin(); err != nil {
			b.Fatal(err)
		}
		for next := int64(1); next != 0; {
			var err error
			if _, next, err = scanner.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
