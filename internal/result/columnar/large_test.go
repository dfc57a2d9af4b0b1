package columnar_test

import (
	"bytes"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/columnar"
	"github.com/solucao42/caddy-data-api/source"
)

// sized counts what is written.
type sized struct{ bytes int }

func (s *sized) Write(p []byte) (int, error) {
	s.bytes += len(p)
	return len(p), nil
}

// TestLargeTextsStandInAFileOnce, and not again as the bounds of their pages and row groups.
func TestLargeTextsStandInAFileOnce(t *testing.T) {
	columns := []source.Column{
		{Name: "t", Type: source.TypeVarchar}, {Name: "b", Type: source.TypeVarBinary}, {Name: "l", Type: source.ArrayOf(source.TypeVarchar)},
	}
	const cell, rows = 1 << 20, 12
	for _, filler := range []string{"x", "\u00e9"} {
		text := bytes.Repeat([]byte(filler), cell/len(filler))
		list := append(append([]byte(`["`), text...), `"]`...)
		var out sized
		encoder := columnar.NewParquet(&out, nil)
		defer encoder.Close()
		if err := encoder.Columns(columns); err != nil {
			t.Fatal(err)
		}
		for range rows {
			err := encoder.Row([]source.Value{{Kind: source.KindText, Bytes: text}, {Kind: source.KindBinary, Bytes: text}, {Kind: source.KindJSON, Bytes: list}})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := encoder.End(result.Summary{RowCount: rows}); err != nil {
			t.Fatal(err)
		}
		if most := len(columns) * rows * cell; out.bytes > most { // Snappy makes it less
			t.Errorf("%d KiB of values take %d KiB", most>>10, out.bytes>>10)
		}
	}
}
