package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// worksheet is what a reader sees of a sheet.
type worksheet struct {
	Rows []struct {
		Number int `xml:"r,attr"`
		Cells  []struct {
			Place string `xml:"r,attr"`
			Type  string `xml:"t,attr"`
			Style int    `xml:"s,attr"`
			Value string `xml:"v"`
			Text  string `xml:"is>t"`
		} `xml:"c"`
	} `xml:"sheetData>row"`
}

// read opens a workbook, and checks that all of its parts are XML.
func read(t *testing.T, workbook []byte) map[string][]byte {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		t.Fatal(err)
	}
	parts := make(map[string][]byte)
	for _, file := range archive.File {
		part, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		if parts[file.Name], err = io.ReadAll(part); err != nil {
			t.Fatal(err)
		}
		decoder := xml.NewDecoder(bytes.NewReader(parts[file.Name]))
		for err == nil {
			_, err = decoder.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Fatalf("%s: %v in %s", file.Name, err, parts[file.Name])
		}
	}
	return parts
}

func write(t *testing.T, maxRows int, columns []source.Column, rows ...[]source.Value) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	size := 0
	encoder := newEncoder(&out, maxRows, result.BeforeFirstWrite(func(n int) { size = n }))
	defer encoder.Close()
	if err := encoder.Columns(columns); err != nil {
		return nil, err
	}
	for _, row := range rows {
		if err := encoder.Row(row); err != nil {
			return nil, err
		}
	}
	if err := encoder.End(result.Summary{RowCount: len(rows)}); err != nil {
		return nil, err
	}
	if size != out.Len() && size != -1 {
		t.Errorf("a size of %d is announced, and %d bytes come", size, out.Len())
	}
	return out.Bytes(), nil
}

// Every value is a number where a spreadsheet keeps it digit for digit, and text where it does not.
func TestCells(t *testing.T) {
	text := func(kind source.Kind, s string) source.Value { return source.Value{Kind: kind, Bytes: []byte(s)} }
	number := func(kind source.Kind, n int64) source.Value { return source.Value{Kind: kind, Int: n} }
	least := "0." + strings.Repeat("0", 320) + "1" // which a double does not hold
	for i, test := range []struct {
		value source.Value
		want  string // type, style and value
	}{
		{source.Value{Kind: source.KindNull}, ""},
		{number(source.KindBool, 1), "b 0 1"},
		{number(source.KindInt, -42), " 0 -42"},
		{number(source.KindInt, 999_999_999_999_999), " 0 999999999999999"},
		{number(source.KindInt, 9_007_199_254_740_993), "inlineStr 0 9007199254740993"},
		{text(source.KindDecimal, "150000.00"), " 0 150000.00"},
		{text(source.KindDecimal, "-0.000000000000001"), " 0 -0.000000000000001"},
		{text(source.KindDecimal, "1234567890.123456"), "inlineStr 0 1234567890.123456"},
		{text(source.KindDecimal, "NaN"), "inlineStr 0 NaN"},
		{source.Value{Kind: source.KindFloat64, Float: 0.1}, " 0 0.1"},
		{source.Value{Kind: source.KindFloat64, Float: math.Inf(-1)}, "inlineStr 0 -Infinity"},
		{source.Value{Kind: source.KindFloat32, Float: float64(float32(16777216))}, " 0 1.6777216e+07"},
		{source.Value{Kind: source.KindFloat32, Float: float64(float32(1e-7))}, " 0 1e-07"},
		{source.Value{Kind: source.KindFloat32, Float: math.NaN()}, "inlineStr 0 NaN"},
		{text(source.KindDecimal, least), "inlineStr 0 " + least},
		{number(source.KindDate, 0), " 2 25569"},
		{number(source.KindDate, -40_000), "inlineStr 0 1860-06-26"},
		{number(source.KindDate, math.MaxInt64), "inlineStr 0 infinity"},
		{number(source.KindTimestamp, 43_200*microseconds), " 3 25569.5"},
		{number(source.KindTimestamp, 43_200*microseconds+1), "inlineStr 0 1970-01-01T12:00:00.000001"},
		{number(source.KindTimestampTZ, math.MinInt64), "inlineStr 0 -infinity"},
		{text(source.KindText, " São & <b>\n=1+1\x01_x0041_ "), "inlineStr 0  São & <b>\n=1+1_x0001__x005F_x0041_ "},
		{text(source.KindJSON, `[1,"a"]`), `inlineStr 0 [1,"a"]`},
	} {
		workbook, err := write(t, MaxRows, []source.Column{{Name: "a"}}, []source.Value{test.value})
		if err != nil {
			t.Fatal(err)
		}
		var sheet worksheet
		if err := xml.Unmarshal(read(t, workbook)["xl/worksheets/sheet1.xml"], &sheet); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, cell := range sheet.Rows[1].Cells {
			got += fmt.Sprintf("%s %d %s%s", cell.Type, cell.Style, cell.Value, cell.Text)
			if cell.Place != "A2" {
				t.Errorf("%d is at %s", i, cell.Place)
			}
		}
		if got != test.want {
			t.Errorf("%d: got %q, want %q", i, got, test.want)
		}
	}
}

// What does not fit into one sheet goes on in the next, with the names again; what does not fit into a cell is refused.
func TestLimits(t *testing.T) {
	rows := make([][]source.Value, 7)
	for i := range rows {
		rows[i] = []source.Value{{Kind: source.KindInt, Int: int64(i)}}
	}
	workbook, err := write(t, 4, []source.Column{{Name: "n"}}, rows...)
	if err != nil {
		t.Fatal(err)
	}
	parts := read(t, workbook)
	next := 0
	for i, want := range []int{4, 4, 2} {
		var sheet worksheet
		if err := xml.Unmarshal(parts[fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1)], &sheet); err != nil || len(sheet.Rows) != want {
			t.Fatalf("sheet %d has %d rows, %v", i+1, len(sheet.Rows), err)
		}
		for n, row := range sheet.Rows {
			switch {
			case row.Number != n+1:
				t.Errorf("row %d of sheet %d says that it is %d", n+1, i+1, row.Number)
			case n == 0 && row.Cells[0].Text != "n":
				t.Errorf("sheet %d begins with %v", i+1, row)
			case n > 0 && row.Cells[0].Value != fmt.Sprint(next):
				t.Errorf("sheet %d has %v", i+1, row)
			case n > 0:
				next++
			}
		}
	}
	if book := string(parts["xl/workbook.xml"]); strings.Count(book, "<sheet ") != 3 || strings.Count(string(parts["xl/_rels/workbook.xml.rels"]), "worksheets/") != 3 {
		t.Errorf("the workbook has %s", book)
	}
	for size, good := range map[int]bool{maxText: true, maxText + 1: false} {
		_, err := write(t, MaxRows, []source.Column{{Name: "long"}}, []source.Value{{Kind: source.KindText, Bytes: bytes.Repeat([]byte("ã"), size)}})
		if (err == nil) != good || err != nil && (!dataapi.HasCode(err, dataapi.CodeNotAcceptable) || !strings.Contains(err.Error(), "32767")) {
			t.Errorf("%d characters: %v", size, err)
		}
	}
	for column, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 701: "ZZ", 702: "AAA", 16_383: "XFD"} {
		if got := letters(column); got != want {
			t.Errorf("column %d is %s, want %s", column, got, want)
		}
	}
}
