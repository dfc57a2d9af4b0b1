package result_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// The expected texts are to_json's; package source/postgres compares many more with a live server.
func TestAppendJSON(t *testing.T) {
	float := func(f float64) source.Value { return source.Value{Kind: source.KindFloat64, Float: f} }
	single := func(f float32) source.Value { return source.Value{Kind: source.KindFloat32, Float: float64(f)} }
	whole := func(kind source.Kind, n int64) source.Value { return source.Value{Kind: kind, Int: n} }
	bytes := func(kind source.Kind, s string) source.Value { return source.Value{Kind: kind, Bytes: []byte(s)} }
	for _, test := range []struct {
		value source.Value
		want  string
	}{
		{source.Value{}, `null`},
		{whole(source.KindBool, 0), `false`},
		{whole(source.KindInt, math.MaxInt64), `9223372036854775807`},
		{float(0), `0`},
		{float(math.Copysign(0, -1)), `-0`},
		{float(0.1), `0.1`},
		{float(1e14), `100000000000000`},
		{float(999999999999999.9), `999999999999999.9`},
		{float(1e15), `1e+15`},
		{float(1e22), `1e+22`},
		{float(1e23), `9.999999999999999e+22`},
		{float(18014398509482030), `1.8014398509482032e+16`},
		{float(0.0001), `0.0001`},
		{float(0.00001), `1e-05`},
		{float(-1.7976931348623157e308), `-1.7976931348623157e+308`},
		{float(5e-324), `5e-324`},
		{float(math.NaN()), `"NaN"`},
		{float(math.Inf(1)), `"Infinity"`},
		{float(math.Inf(-1)), `"-Infinity"`},
		{single(100000), `100000`},
		{single(999999.9), `999999.9`},
		{single(1e6), `1e+06`},
		{single(-33554446), `-3.3554448e+07`},
		{single(0.0001), `0.0001`},
		{single(0.00009), `9e-05`},
		{bytes(source.KindDecimal, "150000.00"), `150000.00`},
		{bytes(source.KindDecimal, "NaN"), `"NaN"`},
		{bytes(source.KindDecimal, "-Infinity"), `"-Infinity"`},
		{bytes(source.KindText, "a\"\\/\b\f\n\r\t\x01\x1f\x7f<>&\u2028é"), `"a\"\\/\b\f\n\r\t\u0001\u001f` + "\x7f<>&\u2028é" + `"`},
		{bytes(source.KindJSON, `{"b" : 1}`), `{"b" : 1}`},
		{bytes(source.KindBinary, "\x00\xfe"), `"\\x00fe"`},
		{bytes(source.KindBinary, ""), `"\\x"`},
		{bytes(source.KindUUID, "\x55\x0e\x84\x00\xe2\x9b\x41\xd4\xa7\x16\x44\x66\x55\x44\x00\x00"), `"550e8400-e29b-41d4-a716-446655440000"`},
		{whole(source.KindDate, 0), `"1970-01-01"`},
		{whole(source.KindDate, 6585565), `"20000-08-31"`},
		{whole(source.KindDate, -719163), `"0001-12-31 BC"`},
		{whole(source.KindDate, math.MaxInt64), `"infinity"`},
		{whole(source.KindDate, math.MinInt64), `"-infinity"`},
		{whole(source.KindTime, 86_400_000_000), `"24:00:00"`},
		{whole(source.KindTime, 1_500_000), `"00:00:01.5"`},
		{whole(source.KindTimestamp, -1), `"1969-12-31T23:59:59.999999"`},
		{whole(source.KindTimestamp, 10), `"1970-01-01T00:00:00.00001"`},
		{whole(source.KindTimestampTZ, 0), `"1970-01-01T00:00:00+00:00"`},
		{whole(source.KindTimestampTZ, -62135596800_000_000-1), `"0001-12-31T23:59:59.999999+00:00 BC"`},
		{whole(source.KindTimestampTZ, math.MaxInt64), `"infinity"`},
		{whole(source.KindTimestamp, math.MinInt64), `"-infinity"`},
	} {
		if got := string(result.AppendJSON(nil, test.value)); got != test.want {
			t.Errorf("%+v: got %s, want %s", test.value, got, test.want)
		}
	}
}

// FuzzText checks that every text survives, since encoding/json reads what PostgreSQL's escapes say.
func FuzzText(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\x01\"\\\u2028é\U0001F600")
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "")
		var back string
		if err := json.Unmarshal(result.AppendJSON(nil, text(s)), &back); err != nil || back != s {
			t.Errorf("%q came back as %q, %v", s, back, err)
		}
	})
}

// FuzzNumbers checks that every number, date and time is valid JSON and that floats lose nothing.
func FuzzNumbers(f *testing.F) {
	f.Add(int64(0), 0.0)
	f.Add(int64(math.MinInt64), math.Inf(1))
	f.Fuzz(func(t *testing.T, n int64, x float64) {
		for _, kind := range []source.Kind{source.KindInt, source.KindTimestamp, source.KindTimestampTZ} {
			if got := result.AppendJSON(nil, source.Value{Kind: kind, Int: n}); !json.Valid(got) {
				t.Errorf("kind %d of %d is not JSON: %s", kind, n, got)
			}
		}
		got := result.AppendJSON(nil, source.Value{Kind: source.KindFloat64, Float: x})
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return
		}
		var back float64
		if err := json.Unmarshal(got, &back); err != nil || back != x {
			t.Errorf("%v came back as %v from %s, %v", x, back, got, err)
		}
	})
}
