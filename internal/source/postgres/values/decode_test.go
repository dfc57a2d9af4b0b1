package values

import (
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// wires are a value of each type as PostgreSQL sends it.
var wires = []struct {
	name string
	oid  uint32
	wire string
	want string
}{
	{"bool", pgtype.BoolOID, "t", `true`},
	{"int4", pgtype.Int4OID, "\x00\x12\xd6\x87", `1234567`},
	{"int8", pgtype.Int8OID, "\x00\x00\x00\x00\x00\x12\xd6\x87", `1234567`},
	{"float8", pgtype.Float8OID, "\x40\x09\x21\xfb\x54\x44\x2d\x18", `3.141592653589793`},
	{"numeric", pgtype.NumericOID, "150000.50", `150000.50`},
	{"text", pgtype.TextOID, "Item number 1234 of the catalogue", `"Item number 1234 of the catalogue"`},
	{"date", pgtype.DateOID, "\x00\x00\x25\x1a", `"2026-01-02"`},
	{"timestamptz", pgtype.TimestamptzOID, "\x00\x02\xea\x96\x8b\x9e\x00\x00", `"2026-01-04T22:51:01.803008+00:00"`},
	{"uuid", pgtype.UUIDOID, "0123456789abcdef", `"30313233-3435-3637-3839-616263646566"`},
	{"int4array", pgtype.Int4ArrayOID, "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x17\x00\x00\x00\x02\x00\x00\x00\x01" +
		"\x00\x00\x00\x04\x00\x00\x00\x07\xff\xff\xff\xff", `[7,null]`},
	{"boolarray", pgtype.BoolArrayOID, "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00\x01" +
		"\x00\x00\x00\x01\x01", `[true]`},
	{"numericarray", pgtype.NumericArrayOID, "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06\xa4\x00\x00\x00\x01\x00\x00\x00\x01" +
		"\x00\x00\x00\x0e\x00\x03\x00\x01\x00\x00\x00\x02\x00\x0f\x00\x00\x13\x88", `[150000.50]`},
}

// TestCellsDoNotAllocate decodes and encodes each type, over and over in the same cell.
func TestCellsDoNotAllocate(t *testing.T) {
	for _, test := range wires {
		codec, ok := Known(test.oid)
		if !ok {
			t.Fatalf("%s is unknown", test.name)
		}
		c := &cell{Codec: codec}
		var value source.Value
		wire, buffer := []byte(test.wire), make([]byte, 0, 256)
		var failure error
		allocations := testing.AllocsPerRun(100, func() {
			failure = c.read(wire, &value)
			buffer = result.AppendJSON(buffer[:0], value)
		})
		if failure != nil || allocations != 0 {
			t.Errorf("%s: %v allocations for a cell, %v", test.name, allocations, failure)
		}
		if string(buffer) != test.want {
			t.Errorf("%s is %s, want %s", test.name, buffer, test.want)
		}
	}
}

// TestNumericsAreNumbers: what is passed on as it is can be nothing else.
func TestNumericsAreNumbers(t *testing.T) {
	for text, want := range map[string]bool{
		"0": true, "-1.50": true, "NaN": true, "Infinity": true, "-Infinity": true, "": false, `1,"admin":true`: false, "=1+1": false,
		"1e5": false, "nan": false, "NaN1": false, " 1": false, "1\n": false, "\x00\x01": false, `"`: false,
	} {
		var value source.Value
		if err := DecodeNumericText([]byte(text), nil, &value); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// BenchmarkDecode reads one value of each type from the wire.
func BenchmarkDecode(b *testing.B) {
	for _, bench := range wires {
		b.Run(bench.name, func(b *testing.B) {
			codec, _ := Known(bench.oid)
			c := &cell{Codec: codec}
			var value source.Value
			wire := []byte(bench.wire)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.read(wire, &value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzDecode checks that no bytes from a wire, however wrong, can crash a decoder or make it run away.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 2, 0, 0, 0x40, 0, 0, 3, 0, 1, 4, 0xD2})
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1, 255, 255, 255, 255})
	f.Add([]byte{0x7f, 255, 255, 255, 255, 255, 255, 254})
	f.Fuzz(func(t *testing.T, wire []byte) {
		for _, codecs := range []map[uint32]Codec{textual, scalars, arrays} {
			for _, codec := range codecs {
				c := cell{Codec: codec}
				var value source.Value
				if err := c.read(wire, &value); err == nil && len(value.Bytes) > 1<<20 {
					t.Fatalf("%s: %d bytes of %d", codec.Type, len(value.Bytes), len(wire))
				}
			}
		}
	})
}
