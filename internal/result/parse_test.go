package result_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// TestParsingIsTheInverseOfAppending, over the whole range that PostgreSQL's types have.
func TestParsingIsTheInverseOfAppending(t *testing.T) {
	const earliest, latest = -2_451_545, 2_145_031_948 // days: 4713 BC to 5874897 AD, and further back
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.OneOf(rapid.Int64Range(earliest, latest), rapid.Int64Range(-1_000_000, 100_000),
			rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64})).Draw(t, "days")
		written := result.AppendText(nil, source.Value{Kind: source.KindDate, Int: days})
		if got, ok := result.ParseDate(written); !ok || got != days {
			t.Fatalf("%s is read as %d, %t, want %d", written, got, ok, days)
		}
		clock := rapid.Int64Range(0, 86_400_000_000).Draw(t, "clock")
		written = result.AppendText(nil, source.Value{Kind: source.KindTime, Int: clock})
		if got, ok := result.ParseTime(written); !ok || got != clock {
			t.Fatalf("%s is read as %d, %t, want %d", written, got, ok, clock)
		}
		moment := rapid.OneOf(rapid.Int64Range(-211_813_488_000_000_000, 9_223_300_000_000_000_000), rapid.Int64Range(-1e15, 1e15),
			rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64})).Draw(t, "moment")
		for _, kind := range []source.Kind{source.KindTimestamp, source.KindTimestampTZ} {
			written = result.AppendText(nil, source.Value{Kind: kind, Int: moment})
			if got, ok := result.ParseTimestamp(written, kind == source.KindTimestampTZ); !ok || got != moment {
				t.Fatalf("%s is read as %d, %t, want %d", written, got, ok, moment)
			}
		}
	})
}

func TestParsingRefusesOtherTexts(t *testing.T) {
	for _, text := range []string{"", "2026", "2026-1-01", "2026-01-1", "2026-13-01", "2026-02-30", "2026-01-01x", "12345678-01-01", "2026-01-01 BC" + " BC"} {
		if days, ok := result.ParseDate([]byte(text)); ok {
			t.Errorf("the date %q is read as %d", text, days)
		}
	}
	for _, text := range []string{"", "24:00:01", "1:00:00", "10:60:00", "10:00:60", "10:00:00.1234567", "10:00:00Z"} {
		if micros, ok := result.ParseTime([]byte(text)); ok {
			t.Errorf("the time %q is read as %d", text, micros)
		}
	}
	if micros, ok := result.ParseTimestamp([]byte("1970-01-01T00:00:01.5Z"), true); !ok || micros != 1_500_000 {
		t.Errorf("a moment with Z is read as %d, %t", micros, ok)
	}
	for _, text := range []string{"", "2026-01-01", "2026-01-01 10:00:00", "2026-01-01T10:00:00Z", "294277-01-09T04:00:55"} {
		if micros, ok := result.ParseTimestamp([]byte(text), false); ok {
			t.Errorf("the timestamp %q is read as %d", text, micros)
		}
	}
}

// TestReadJSONIsTheInverseOfTheEncoder: what was kept can be written again, to the same bytes.
func TestReadJSONIsTheInverseOfTheEncoder(t *testing.T) {
	kinds := everyKind()
	columns := make([]source.Column, len(kinds))
	for i, value := range kinds {
		columns[i] = source.Column{Name: `a"` + string(rune('a'+i)), Type: source.TypeVarchar}
		if value.Kind == source.KindJSON {
			columns[i].Type = source.TypeJSON
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var rows [][]source.Value
		for range rapid.IntRange(0, 4).Draw(t, "rows") {
			row := append([]source.Value(nil), kinds...)
			row[0] = source.Value{Kind: source.KindText, Bytes: []byte(rapid.String().Draw(t, "text"))}
			row[5] = rapid.SampledFrom([]source.Value{{}, {Kind: source.KindDecimal, Bytes: []byte("NaN")}, {Kind: source.KindDecimal, Bytes: []byte("1.00")}}).Draw(t, "number")
			rows = append(rows, row)
		}
		var kept, again bytes.Buffer
		write := func(out *bytes.Buffer, push func(sink source.Sink) error) {
			encoder := result.NewJSON(out, result.JSONOptions{})
			defer encoder.Close()
			if err := errors.Join(push(encoder), encoder.End(guideSummary)); err != nil {
				t.Fatal(err)
			}
		}
		write(&kept, func(sink source.Sink) error {
			err := sink.Columns(columns)
			for _, row := range rows {
				err = errors.Join(err, sink.Row(row))
			}
			return err
		})
		found, err := result.ReadColumns(bytes.NewReader(kept.Bytes()))
		if err != nil || len(found) != len(columns) || found[3] != columns[3] {
			t.Fatalf("%v: columns %v", err, found)
		}
		write(&again, func(sink source.Sink) error { return result.ReadJSON(bytes.NewReader(kept.Bytes()), columns, sink) })
		if !bytes.Equal(kept.Bytes(), again.Bytes()) {
			t.Fatalf("kept %s\nagain %s", kept.Bytes(), again.Bytes())
		}
	})
}

func TestReadJSONRefusesWhatIsNoResult(t *testing.T) {
	columns := []source.Column{{Name: "a", Type: source.TypeVarchar}}
	for _, text := range []string{``, `{`, `[]`, `{"columns":[],"rows":1}`, `{"columns":[],"rows":[1]`, `{"columns":[],"rows":[{"a":1}`, `{"columns":[],"rows":[{"a":1,"b":2}]`, `{"columns":[],"rows":[{}]`} {
		encoder := result.NewCSV(&bytes.Buffer{}, result.CSVOptions{})
		if err := result.ReadJSON(bytes.NewReader([]byte(text)), columns, encoder); err == nil {
			t.Errorf("%s was read", text)
		}
		encoder.Close()
	}
}
