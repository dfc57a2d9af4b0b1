package result

import (
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

// BenchmarkAppendJSON writes one value of each kind.
func BenchmarkAppendJSON(b *testing.B) {
	for _, bench := range []struct {
		name  string
		value source.Value
	}{
		{"null", source.Value{}},
		{"bool", source.Value{Kind: source.KindBool, Int: 1}},
		{"int", source.Value{Kind: source.KindInt, Int: 1_234_567}},
		{"float32", source.Value{Kind: source.KindFloat32, Float: 1.5}},
		{"float64", source.Value{Kind: source.KindFloat64, Float: 3.141592653589793}},
		{"decimal", source.Value{Kind: source.KindDecimal, Bytes: []byte("150000.00")}},
		{"text", source.Value{Kind: source.KindText, Bytes: []byte("Item number 1234 of the catalogue")}},
		{"escapedtext", source.Value{Kind: source.KindText, Bytes: []byte("a \"quoted\" word\nand a line")}},
		{"json", source.Value{Kind: source.KindJSON, Bytes: []byte(`{"a":[1,2,3]}`)}},
		{"binary", source.Value{Kind: source.KindBinary, Bytes: []byte("0123456789abcdef")}},
		{"uuid", source.Value{Kind: source.KindUUID, Bytes: []byte("0123456789abcdef")}},
		{"date", source.Value{Kind: source.KindDate, Int: 20_454}},
		{"time", source.Value{Kind: source.KindTime, Int: 45_296_123_456}},
		{"timestamp", source.Value{Kind: source.KindTimestamp, Int: 1_767_225_600_123_456}},
		{"timestamptz", source.Value{Kind: source.KindTimestampTZ, Int: 1_767_225_600_123_456}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			buffer := make([]byte, 0, 256)
			for b.Loop() {
				buffer = AppendJSON(buffer[:0], bench.value)
			}
		})
	}
}
