package result_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

func encodeCSV(t testing.TB, options result.CSVOptions, columns []source.Column, rows ...[]source.Value) string {
	t.Helper()
	var out bytes.Buffer
	encoder := result.NewCSV(&out, options)
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

func TestCSV(t *testing.T) {
	columns := []source.Column{{Name: "a,b", Type: source.TypeVarchar}, {Name: "n", Type: source.TypeDecimal}, {Name: "j", Type: source.TypeJSON}}
	got := encodeCSV(t, result.CSVOptions{}, columns,
		[]source.Value{text(`say "x"`), {Kind: source.KindDecimal, Bytes: []byte("-1.50")}, {Kind: source.KindJSON, Bytes: []byte(`{"a": 1}`)}},
		[]source.Value{text(""), {}, {Kind: source.KindJSON, Bytes: []byte("null")}},
		[]source.Value{{}, {Kind: source.KindDecimal, Bytes: []byte("NaN")}, {Kind: source.KindJSON, Bytes: []byte(`"x"`)}},
		[]source.Value{text(`\.`), {Kind: source.KindFloat64, Float: 0.1}, {}},
		[]source.Value{text(" é "), {Kind: source.KindDate, Int: 0}, {Kind: source.KindBinary, Bytes: []byte{1, 255}}},
		[]source.Value{text("=1+1"), {Kind: source.KindBool, Int: 1}, {Kind: source.KindJSON, Bytes: []byte("-1")}})
	want := strings.Join([]string{`"a,b",n,j`, `"say ""x""",-1.50,"{""a"": 1}"`, `"",,null`, `,NaN,"""x"""`, `"\.",0.1,`, `" é ",1970-01-01,\x01ff`, `=1+1,true,-1`, ``}, "\r\n")
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := encodeCSV(t, result.CSVOptions{}, columns[1:2]); got != "n\r\n" {
		t.Errorf("no rows: %q", got)
	}
}

// TestFormulasAreEscaped: a spreadsheet shows each text as a text; numbers stay numbers.
func TestFormulasAreEscaped(t *testing.T) {
	columns := []source.Column{{Name: "=c", Type: source.TypeVarchar}}
	long := "@" + strings.Repeat("SUM(1)\"", 5000)
	for cell, want := range map[string]string{
		"=1+1": `"'=1+1"`, "+1": `"'+1"`, "-1": `"'-1"`, "@x": `"'@x"`, "\tx": "\"'\tx\"", "\rx": "\"'\rx\"", "\nx": "\"'\nx\"",
		"＝1": `"'＝1"`, "1=1": "1=1", "'=": "'=", "": `""`, long: `"'` + strings.ReplaceAll(long, `"`, `""`) + `"`,
	} {
		got := encodeCSV(t, result.CSVOptions{EscapeFormulas: true}, columns, []source.Value{text(cell)})
		if got != "\"'=c\"\r\n"+want+"\r\n" {
			t.Errorf("%.20q is %.40q", cell, got)
		}
	}
	for _, value := range []source.Value{{Kind: source.KindInt, Int: -1}, {Kind: source.KindDecimal, Bytes: []byte("-1.5")}, {Kind: source.KindFloat64, Float: -1.5}} {
		if got := encodeCSV(t, result.CSVOptions{EscapeFormulas: true}, columns, []source.Value{value}); strings.Contains(got[5:], "'") {
			t.Errorf("a number became %q", got)
		}
	}
}

func TestLargeCellsOfCSVPassInPieces(t *testing.T) {
	var out writes
	encoder := result.NewCSV(&out, result.CSVOptions{})
	defer encoder.Close()
	long := strings.Repeat("é\"\n,", 300_000)
	blob := bytes.Repeat([]byte{0, 0xAB, 0xFF}, 100_000)
	plain := strings.Repeat("x", 100_000)
	if err := errors.Join(
		encoder.Columns([]source.Column{{Name: "t"}, {Name: "b"}, {Name: "p"}}),
		encoder.Row([]source.Value{text(long), {Kind: source.KindBinary, Bytes: blob}, text(plain)}),
		encoder.End(guideSummary)); err != nil {
		t.Fatal(err)
	}
	for _, size := range out.sizes {
		if size > 128<<10 {
			t.Errorf("one write of %d bytes", size)
		}
	}
	records, err := csv.NewReader(&out.all).ReadAll()
	if err != nil || len(records) != 2 || records[1][0] != long || records[1][1] != fmt.Sprintf(`\x%x`, blob) || records[1][2] != plain {
		t.Errorf("the values did not survive: %v", err)
	}
}

func TestRowsOfCSVAndLinesDoNotAllocate(t *testing.T) {
	values := append(everyKind(), text("a, \"b\""), text("=1"), text(""))
	columns := make([]source.Column, len(values))
	for i := range columns {
		columns[i] = source.Column{Name: fmt.Sprint("column ", i), Type: source.TypeVarchar}
	}
	for name, encoder := range map[string]result.Encoder{
		"csv":     result.NewCSV(io.Discard, result.CSVOptions{EscapeFormulas: true}),
		"ndjson":  result.NewJSON(io.Discard, result.JSONOptions{Layout: result.Lines}),
		"arrays":  result.NewJSON(io.Discard, result.JSONOptions{Layout: result.Arrays}),
		"objects": result.NewJSON(io.Discard, result.JSONOptions{}),
	} {
		if err := encoder.Columns(columns); err != nil {
			t.Fatal(err)
		}
		allocations := testing.AllocsPerRun(10_000, func() {
			if err := encoder.Row(values); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations per row of %d cells", name, allocations, len(values))
		}
		encoder.Close()
		encoder.Close()
	}
}

func TestArraysAndLines(t *testing.T) {
	got := encode(t, result.JSONOptions{Layout: result.Arrays, OmitLimits: true}, guideColumns, guideRow, guideRow)
	want := `{"columns":[{"name":"regiao","type":"varchar"},{"name":"total","type":"decimal"}],` +
		`"rows":[["Sul",150000.00],["Sul",150000.00]],"row_count":1,"truncated":false}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = encode(t, result.JSONOptions{Layout: result.Arrays, OmitLimits: true}, nil, nil, nil)
	if want := `{"columns":[],"rows":[[],[]],"row_count":1,"truncated":false}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = encode(t, result.JSONOptions{Layout: result.Lines}, guideColumns, guideRow, guideRow)
	if want := strings.Repeat(`{"regiao":"Sul","total":150000.00}`+"\n", 2); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	calls := 0
	got = encode(t, result.JSONOptions{Layout: result.Lines, BeforeFirstWrite: result.BeforeFirstWrite(func(size int) { calls += 1 + size })}, guideColumns)
	if got != "" || calls != 1 {
		t.Errorf("no rows: %q, begun %d times", got, calls)
	}
}

// TestLinesAreLines: PostgreSQL's json is as it was written, line breaks included.
func TestLinesAreLines(t *testing.T) {
	columns := []source.Column{{Name: "j", Type: source.TypeJSON}}
	for name, filler := range map[string]string{"small": "", "large": strings.Repeat("x", 200_000)} {
		text := "{\n\t\"a\": \"b\\n\",\r\n \"c\":\n\"" + filler + "\"\n}"
		row := []source.Value{{Kind: source.KindJSON, Bytes: []byte(text)}}
		cell := strings.NewReplacer("\n", " ", "\r", " ").Replace(text)
		want := `{"j":` + cell + "}\n"
		for _, quoted := range []bool{false, true} {
			if got := encode(t, result.JSONOptions{Layout: result.Lines, NumbersAsStrings: quoted}, columns, row, row); got != want+want {
				t.Errorf("%s: got %q", name, got[:min(len(got), 300)])
			}
			between := []source.Value{{Kind: source.KindJSON, Bytes: []byte("[\n]")}, row[0], {Kind: source.KindJSON, Bytes: []byte("{\r\n}")}}
			got := encode(t, result.JSONOptions{Layout: result.Lines, NumbersAsStrings: quoted}, slices.Repeat(columns, 3), between, between)
			if want := `{"j":[ ],"j":` + cell + `,"j":{  }}` + "\n"; got != want+want {
				t.Errorf("%s between others: got %q", name, got[:min(len(got), 300)])
			}
		}
		if string(row[0].Bytes) != text {
			t.Errorf("%s: the value was changed", name)
		}
	}
}

// FuzzCSV: what encoding/csv reads is what was written, but for its habit of reading CR LF as LF.
func FuzzCSV(f *testing.F) {
	f.Add("a", "b", "c")
	f.Add(`"`, ",\r\n", " ")
	f.Add(`\.`, "", "\x00\xff")
	f.Fuzz(func(t *testing.T, name, cell, other string) {
		columns := []source.Column{{Name: name}, {Name: other}}
		written := encodeCSV(t, result.CSVOptions{}, columns, []source.Value{text(cell), text(other)}, []source.Value{{}, text(cell + name)})
		records, err := csv.NewReader(strings.NewReader(written)).ReadAll()
		if err != nil {
			t.Fatalf("%v: %q", err, written)
		}
		want := [][]string{{name, other}, {cell, other}, {"", cell + name}}
		for i, record := range records {
			for j := range record {
				if record[j] != strings.ReplaceAll(want[i][j], "\r\n", "\n") {
					t.Errorf("line %d: got %q, want %q", i+1, record, want[i])
				}
			}
		}
		if len(records) != len(want) {
			t.Errorf("%d lines: %q", len(records), written)
		}
	})
}
