package result

import (
	"bytes"
	"testing"

	"github.com/solucao42/caddy-data-api/source"
)

// The ways to write a result that spreadsheets and readers with 64-bit floats need.
func TestVariants(t *testing.T) {
	columns := []source.Column{{Name: "n", Type: source.TypeBigInt}, {Name: "d", Type: source.TypeDecimal}, {Name: "i", Type: source.TypeInteger}, {Name: "s", Type: source.TypeVarchar}}
	row := []source.Value{
		{Kind: source.KindInt, Int: 9_007_199_254_740_993}, {Kind: source.KindDecimal, Bytes: []byte("-1234.50")}, {Kind: source.KindInt, Int: 7},
		{Kind: source.KindText, Bytes: []byte("São; a,b")},
	}
	null := make([]source.Value, 4)
	for i := range null {
		null[i].Kind = source.KindNull
	}
	choose := func(format *Format, queries ...string) (chosen Chosen) {
		for _, query := range queries {
			chosen = chosen.With(format.VariantOf(query))
		}
		return chosen
	}
	for _, test := range []struct {
		format *Format
		chosen Chosen
		want   string
	}{
		{NDJSON, choose(NDJSON, "numbers"), `{"n":"9007199254740993","d":"-1234.50","i":7,"s":"São; a,b"}` + "\n" + `{"n":null,"d":null,"i":null,"s":null}` + "\n"},
		{NDJSON, 0, `{"n":9007199254740993,"d":-1234.50,"i":7,"s":"São; a,b"}` + "\n" + `{"n":null,"d":null,"i":null,"s":null}` + "\n"},
		{CSV, 0, "n,d,i,s\r\n9007199254740993,-1234.50,7,\"São; a,b\"\r\n,,,\r\n"},
		{CSV, choose(CSV, "csv_for"), "\xef\xbb\xbfn,d,i,s\r\n9007199254740993,-1234.50,7,\"São; a,b\"\r\n,,,\r\n"},
		{CSV, choose(CSV, "csv_for", "csv_locale"), "\xef\xbb\xbfn;d;i;s\r\n9007199254740993;-1234,50;7;\"São; a,b\"\r\n;;;\r\n"},
	} {
		var out bytes.Buffer
		encoder := test.format.Encoder(&out, EncoderOptions{Chosen: test.chosen})
		for _, err := range []error{encoder.Columns(columns), encoder.Row(row), encoder.Row(null), encoder.End(Summary{RowCount: 2})} {
			if err != nil {
				t.Fatal(err)
			}
		}
		encoder.Close()
		if got := out.String(); got != test.want {
			t.Errorf("%s %b\ngot  %q\nwant %q", test.format.Name, test.chosen, got, test.want)
		}
	}
}
