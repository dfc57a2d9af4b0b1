package result

import "testing"

// BenchmarkAppendJSON writes one value of each kind.
func BenchmarkAppendJSON(b *testing.B) {
	for _, bench := range []struct {
		name  string
		value Value
	}{
		{"null", Value{}},
		{"bool", Value{Kind: Bool, Int: 1}},
		{"int", Value{Kind: Int, Int: 1_234_567}},
		{"float32", Value{Kind: Float32, Float: 1.5}},
		{"float64", Value{Kind: Float64, Float: 3.141592653589793}},
		{"decimal", Value{Kind: Decimal, Bytes: []byte("150000.00")}},
		{"text", Value{Kind: Text, Bytes: []byte("Item number 1234 of the catalogue")}},
		{"escapedtext", Value{Kind: Text, Bytes: []byte("a \"quoted\" word\nand a line")}},
		{"json", Value{Kind: JSON, Bytes: []byte(`{"a":[1,2,3]}`)}},
		{"binary", Value{Kind: Binary, Bytes: []byte("0123456789abcdef")}},
		{"uuid", Value{Kind: UUID, Bytes: []byte("0123456789abcdef")}},
		{"date", Value{Kind: Date, Int: 20_454}},
		{"time", Value{Kind: Time, Int: 45_296_123_456}},
		{"timestamp", Value{Kind: Timestamp, Int: 1_767_225_600_123_456}},
		{"timestamptz", Value{Kind: TimestampTZ, Int: 1_767_225_600_123_456}},
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
