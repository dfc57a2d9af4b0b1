//go:build npm

// This test needs Node.js, npm and its registry. It is run by `make interop`, fails where something is missing, and says
// what.

package columnar_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/columnar"
	"github.com/solucao42/caddy-data-api/source"
)

// TestApachesReaderAgrees lets Apache's library for JavaScript read Arrow, and compares what it finds with the JSON of the
// same rows, digit for digit: every type, over several batches.
func TestApachesReaderAgrees(t *testing.T) {
	columns, rows := randomRows(20_000)
	var stream, document bytes.Buffer
	arrow, lines := columnar.NewArrow(&stream, nil), result.NewJSON(&document, result.JSONOptions{Layout: result.Arrays})
	for _, encoder := range []result.Encoder{arrow, lines} {
		if err := encoder.Columns(columns); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if err := encoder.Row(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := encoder.End(result.Summary{RowCount: len(rows)}); err != nil {
			t.Fatal(err)
		}
		encoder.Close()
	}
	var want struct{ Rows [][]json.RawMessage }
	if err := json.Unmarshal(document.Bytes(), &want); err != nil {
		t.Fatal(err)
	}
	found := json.NewDecoder(bytes.NewReader(readInJavaScript(t, stream.Bytes())))
	for i, row := range want.Rows {
		var got []any
		if err := found.Decode(&got); err != nil {
			t.Fatalf("row %d: %v", i+1, err)
		}
		for j, cell := range row {
			if text := spelt(t, cell, columns[j].Type); !equal(text, got[j]) {
				t.Fatalf("row %d, %s: JSON has %s, Arrow %v", i+1, columns[j].Name, cell, got[j])
			}
		}
	}
	if found.More() {
		t.Error("Arrow has more rows")
	}
	t.Logf("%d rows of %d columns in %d bytes agree", len(rows), len(columns), stream.Len())
}

// spelt is how the reader spells out what a cell of JSON says.
func spelt(t *testing.T, cell json.RawMessage, typ source.Type) any {
	t.Helper()
	element, isArray := strings.CutPrefix(string(typ), "array<")
	switch {
	case string(cell) == "null":
		return nil
	case isArray:
		var cells []json.RawMessage
		if err := json.Unmarshal(cell, &cells); err != nil {
			t.Fatal(err)
		}
		texts := []any{}
		for _, cell := range cells {
			texts = append(texts, spelt(t, cell, source.Type(strings.TrimSuffix(element, ">"))))
		}
		return texts
	case typ == source.TypeJSON:
		return string(cell)
	}
	text := string(cell)
	if text[0] == '"' {
		if err := json.Unmarshal(cell, &text); err != nil {
			t.Fatal(err)
		}
	}
	switch typ {
	case source.TypeReal:
		x, err := strconv.ParseFloat(text, 32)
		if err != nil {
			t.Fatal(err)
		}
		return "bits:" + hex.EncodeToString(binary.BigEndian.AppendUint32(nil, math.Float32bits(float32(x))))
	case source.TypeDouble:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return "bits:" + hex.EncodeToString(binary.BigEndian.AppendUint64(nil, math.Float64bits(x)))
	}
	return text
}

func equal(want, got any) bool {
	if list, ok := want.([]any); ok {
		other, ok := got.([]any)
		return ok && slices.EqualFunc(list, other, equal)
	}
	return want == got
}

// randomRows makes rows of every type, a tenth of whose cells are NULL.
func randomRows(count int) ([]source.Column, [][]source.Value) {
	random := rand.New(rand.NewPCG(6, 6))
	digits := func(most, scale int) string {
		number := make([]byte, 1+random.IntN(most-scale))
		for i := range number {
			number[i] = byte('0' + random.IntN(10))
		}
		text := strings.TrimLeft(string(number), "0")
		if text == "" {
			text = "0"
		}
		if scale > 0 {
			text += "."
			for range scale {
				text += strconv.Itoa(random.IntN(10))
			}
		}
		if random.IntN(2) == 0 && strings.Trim(text, "0.") != "" {
			text = "-" + text
		}
		return text
	}
	word := func() string {
		letters := []rune("aé\"\\\n,\x00😀 z")
		runes := make([]rune, random.IntN(12))
		for i := range runes {
			runes[i] = letters[random.IntN(len(letters))]
		}
		return string(runes)
	}
	micros := func(from, to int64) int64 { return from + random.Int64N(to-from) }
	const earliest, latest = -62_135_596_800, 253_402_300_799 // seconds: the years 1 to 9999, which Date can spell
	cells := []struct {
		column source.Column
		value  func() source.Value
	}{
		{source.Column{Type: source.TypeSmallInt}, func() source.Value { return integer(int64(int16(random.Uint32()))) }},
		{source.Column{Type: source.TypeInteger}, func() source.Value { return integer(int64(int32(random.Uint32()))) }},
		{source.Column{Type: source.TypeBigInt}, func() source.Value { return integer(int64(random.Uint64())) }},
		{source.Column{Type: source.TypeReal}, func() source.Value {
			return source.Value{Kind: source.KindFloat32, Float: float64(float32(random.NormFloat64()))}
		}},
		{source.Column{Type: source.TypeDouble}, func() source.Value {
			return double([]float64{random.NormFloat64() * 1e200, 5e-324, math.MaxFloat64, math.Inf(-1), 0.1}[random.IntN(5)])
		}},
		{source.Column{Type: source.TypeBoolean}, func() source.Value { return source.Value{Kind: source.KindBool, Int: random.Int64N(2)} }},
		{source.Column{Type: source.TypeDecimal, Digits: fixed(2, 12)}, func() source.Value { return number(digits(12, 2)) }},
		{source.Column{Type: source.TypeDecimal, Digits: fixed(10, 38)}, func() source.Value { return number(digits(38, 10)) }},
		{source.Column{Type: source.TypeDecimal, Digits: fixed(0, 19)}, func() source.Value { return number(digits(19, 0)) }},
		{source.Column{Type: source.TypeDecimal, Digits: fixed(6, 76)}, func() source.Value { return number(digits(76, 6)) }},
		{source.Column{Type: source.TypeDecimal}, func() source.Value { return number(digits(30, random.IntN(20))) }},
		{source.Column{Type: source.TypeVarchar}, func() source.Value { return text(word()) }},
		{source.Column{Type: source.TypeDate}, func() source.Value {
			return source.Value{Kind: source.KindDate, Int: micros(earliest, latest) / 86400}
		}},
		{source.Column{Type: source.TypeTime}, func() source.Value { return source.Value{Kind: source.KindTime, Int: random.Int64N(86_400_000_000)} }},
		{source.Column{Type: source.TypeTimestamp}, func() source.Value {
			return source.Value{Kind: source.KindTimestamp, Int: micros(earliest*1e6, latest*1e6)}
		}},
		{source.Column{Type: source.TypeTimestampTZ}, func() source.Value {
			return source.Value{Kind: source.KindTimestampTZ, Int: micros(earliest*1e6, latest*1e6)}
		}},
		{source.Column{Type: source.TypeUUID}, func() source.Value {
			return source.Value{Kind: source.KindUUID, Bytes: binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, random.Uint64()), random.Uint64())}
		}},
		{source.Column{Type: source.TypeJSON}, func() source.Value { return jsonText(fmt.Sprintf(`{"a":[%s,null]}`, digits(30, 3))) }},
		{source.Column{Type: source.TypeVarBinary}, func() source.Value {
			return source.Value{Kind: source.KindBinary, Bytes: binary.BigEndian.AppendUint64(nil, random.Uint64())[random.IntN(8):]}
		}},
		{source.Column{Type: source.TypeInterval}, func() source.Value { return text("1 day 02:00:00") }},
		{source.Column{Type: source.ArrayOf(source.TypeInteger)}, func() source.Value {
			return jsonText([]string{"[]", "[1,null,-2147483648]", "[7]"}[random.IntN(3)])
		}},
		{source.Column{Type: source.ArrayOf(source.TypeDecimal), Digits: fixed(2, 12)}, func() source.Value {
			return jsonText(fmt.Sprintf("[%s,%s]", digits(12, 2), digits(12, 2)))
		}},
		{source.Column{Type: source.ArrayOf(source.TypeVarchar)}, func() source.Value {
			encoded, _ := json.Marshal([]string{word(), word()})
			return jsonText(string(encoded))
		}},
	}
	var columns []source.Column
	for i, cell := range cells {
		cell.column.Name = fmt.Sprintf("%s %d", cell.column.Type, i+1)
		columns = append(columns, cell.column)
	}
	rows := make([][]source.Value, count)
	for i := range rows {
		for _, cell := range cells {
			if random.IntN(10) == 0 {
				rows[i] = append(rows[i], source.Value{})
			} else {
				rows[i] = append(rows[i], cell.value())
			}
		}
	}
	return columns, rows
}

// readInJavaScript returns what read.js makes of a stream.
func readInJavaScript(t *testing.T, stream []byte) []byte {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("this test needs %s, which Node.js brings: %v", program, err)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "npm"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm cannot install the library, perhaps because its registry cannot be reached: %v\n%s", err, out)
	}
	read := exec.CommandContext(t.Context(), "node", "read.js")
	read.Dir, read.Stdin, read.Stderr = dir, bytes.NewReader(stream), os.Stderr
	out, err := read.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
