package params_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

// A decimal keeps its number exactly, whatever its notation, and its canonical text is a fixed point.
func TestDecimalKeepsItsNumber(t *testing.T) {
	contract := compile(t, params.Param{Name: "d", Type: source.ParamDecimal})
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.StringMatching(`-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		values, err := contract.Bind(json.RawMessage(`{"d":` + written + `}`))
		if err != nil {
			t.Fatal(err)
		}
		text := values[0].Text
		want, _ := new(big.Rat).SetString(written)
		got, ok := new(big.Rat).SetString(text)
		if !ok || want.Cmp(got) != 0 || strings.ContainsAny(text, "eE+") {
			t.Fatalf("%s became %s", written, text)
		}
		if got.Sign() == 0 && strings.HasPrefix(text, "-") {
			t.Fatalf("%s became %s", written, text)
		}
		again, err := contract.Rebind(contract.Canonical(values))
		if err != nil || again[0].Text != text {
			t.Fatalf("%s became %s, then %+v, %v", written, text, again, err)
		}
	})
}

// Bounds on timestamps hold by the moment, not by its spelling.
func TestTimestampBoundsFollowTime(t *testing.T) {
	moments := rapid.Custom(func(t *rapid.T) time.Time {
		zone := time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "offset"))
		micros := rapid.Int64Range(-1_000_000_000_000, 4_000_000_000_000).Draw(t, "micros")
		scale := rapid.SampledFrom([]int64{1, 1000, 1_000_000}).Draw(t, "scale")
		return time.UnixMicro(micros / scale * scale).In(zone)
	})
	rapid.Check(t, func(t *rapid.T) {
		bound, moment := moments.Draw(t, "bound"), moments.Draw(t, "moment")
		contract, faults := params.Compile([]params.Param{{Name: "at", Type: source.ParamTimestamp, Minimum: quoted(bound)}})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		_, err := contract.Bind(fmt.Appendf(nil, `{"at":%s}`, quoted(moment)))
		if (err != nil) != moment.Before(bound) {
			t.Fatalf("%s with minimum %s: %v", moment, bound, err)
		}
	})
}

func quoted(moment time.Time) json.RawMessage {
	return fmt.Appendf(nil, "%q", moment.Format(time.RFC3339Nano))
}

// Whatever a caller sends, no value outside a constraint is ever bound: NULL and empty arrays included.
func TestConstraintsNeverLeak(t *testing.T) {
	scalar := rapid.SampledFrom([]string{`"a"`, `"b"`, `"c"`, `"d"`, `null`, `1`, `[]`, `["a"]`, `["a","d"]`, `{}`})
	allowed := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{`"a"`, `"b"`, `"c"`}), 0, 3, rapid.ID[string])
	rapid.Check(t, func(t *rapid.T) {
		param := params.Param{Name: "p", Type: source.ParamString, Array: rapid.Bool().Draw(t, "array")}
		if rapid.Bool().Draw(t, "default") {
			param.Default = json.RawMessage(`"a"`)
			if param.Array {
				param.Default = json.RawMessage(`["a","b"]`)
			}
		}
		contract, faults := params.Compile([]params.Param{param})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		text := `{}`
		if rapid.Bool().Draw(t, "given") {
			text = `{"p":` + scalar.Draw(t, "value") + `}`
		}
		sets := [][]string{allowed.Draw(t, "first"), allowed.Draw(t, "second")}
		contexts := []params.ShareContext{{"p": allow(sets[0]...)}, {"p": allow(sets[1]...)}}
		values, err := contract.Bind(json.RawMessage(text), contexts...)
		if err != nil {
			return
		}
		bound := values[0].Items
		if !param.Array {
			bound = values
		}
		if values[0].Null || len(bound) == 0 {
			t.Fatalf("%s with %v bound %+v", text, sets, values)
		}
		for _, value := range bound {
			for _, set := range sets {
				if !strings.Contains(strings.Join(set, " "), `"`+value.Text+`"`) {
					t.Fatalf("%s with %v bound %+v", text, sets, values)
				}
			}
		}
	})
}

func fuzzContract(t testing.TB) *params.Contract {
	var definitions []params.Param
	for _, kind := range source.ParamTypes() {
		definitions = append(definitions,
			params.Param{Name: string(kind), Type: kind},
			params.Param{Name: string(kind) + "_list", Type: kind, Array: true, MaxItems: new(5)})
	}
	return compile(t, definitions...)
}

// FuzzBind looks for panics, for errors outside the catalogue, and for values that do not survive being stored.
func FuzzBind(f *testing.F) {
	contract := fuzzContract(f)
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"string":"x","string_list":["a",null]}`, `{"integer":1,"integer_list":[1,2.0]}`,
		`{"decimal":1.50e-7,"decimal_list":[0,-0.0,1e400]}`, `{"boolean":true,"boolean_list":[false]}`,
		`{"date":"2024-02-29","date_list":["0000-01-01"]}`, `{"timestamp":"2026-01-01T00:00:00.5-03:00"}`,
		`{"uuid":"0F8FAD5B-D9CB-469F-A165-70867728950E"}`, `{"\u0073tring":"\ud83d\ude00\u0000"}`, "{\"string\":\"\xff\"}",
		`{"unknown":{"a":[[[1]]]}}`, `{"string":"a","string":"b"}`,
	} {
		f.Add([]byte(seed))
	}
	context := params.ShareContext{"string": allow(`"a"`, `"b"`), "integer": between("1", "5")}
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := contract.Bind(text)
		if err != nil {
			if !dataapi.HasCode(err, dataapi.CodeInvalidParameter) && !dataapi.HasCode(err, dataapi.CodeInvalidRequest) {
				t.Fatal(err)
			}
			if known := dataapi.AsError(err); known.Code == dataapi.CodeInvalidParameter && len(known.Faults) == 0 {
				t.Fatal("a refusal without a fault")
			}
			return
		}
		stored := contract.Canonical(values)
		again, err := contract.Rebind(stored)
		if err != nil || string(contract.Canonical(again)) != string(stored) {
			t.Fatalf("%s: %v", stored, err)
		}
		if bound, err := contract.Bind(text, context); err == nil {
			t.Logf("%+v", bound)
			if index := 0; bound[index].Null || bound[index].Text != "a" && bound[index].Text != "b" {
				t.Fatalf("the context let %+v pass", bound[index])
			}
		}
	})
}

func benchmarkContract(b *testing.B) *params.Contract {
	return compile(b,
		params.Param{Name: "data_inicio", Type: source.ParamDate, Required: true},
		params.Param{Name: "regiao", Type: source.ParamString, MaxLength: new(40)},
	)
}

func BenchmarkBindTwoParameters(b *testing.B) {
	contract := benchmarkContract(b)
	text := json.RawMessage(`{"data_inicio": "2026-01-01", "regiao": "Sul"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := contract.Bind(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBindTwoParametersWithContext(b *testing.B) {
	contract := benchmarkContract(b)
	text := json.RawMessage(`{"data_inicio": "2026-01-01", "regiao": "Sul"}`)
	context := params.ShareContext{"regiao": allow(`"Sul"`, `"Sudeste"`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := contract.Bind(text, context); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBindRefusal(b *testing.B) {
	contract := benchmarkContract(b)
	text := json.RawMessage(`{"data_inicio": "2026-02-30", "regiao": 1}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := contract.Bind(text); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		benchmarkContract(b)
	}
}
