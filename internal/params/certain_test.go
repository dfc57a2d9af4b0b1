package params

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/source"
)

// The short way past the schema is taken only where the schema has no objection.
func TestCertainMeansThatTheSchemaAgrees(t *testing.T) {
	definitions := []Param{
		{Name: "text", Type: source.ParamString}, {Name: "number", Type: source.ParamInteger}, {Name: "amount", Type: source.ParamDecimal, Required: true},
		{Name: "flag", Type: source.ParamBoolean}, {Name: "day", Type: source.ParamDate}, {Name: "moment", Type: source.ParamTimestamp}, {Name: "id", Type: source.ParamUUID},
		{Name: "list", Type: source.ParamInteger, Array: true}, {Name: "ruled", Type: source.ParamInteger, Minimum: json.RawMessage("3")},
	}
	contract, faults := Compile(definitions)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	literals := rapid.SampledFrom([]string{
		`"x"`, `""`, `"ç\u0041"`, `0`, `-0`, `7`, `-9223372036854775808`, `9223372036854775808`, `1.50`, `1e3`, `true`, `false`, `null`,
		`"2026-01-31"`, `"2026-02-30"`, `"2026-01-31T10:30:00Z"`, `"2026-01-31T10:30:00.25-03:00"`,
		`"0f8fad5b-d9cb-469f-a165-70867728950e"`, `"0F8FAD5B-D9CB-469F-A165-70867728950E"`, `[]`, `[1,2]`, `[1,"x"]`, `{}`,
	})
	certain := 0
	rapid.Check(t, func(t *rapid.T) {
		text := []byte{'{'}
		for _, param := range definitions {
			if !rapid.Bool().Draw(t, "give "+param.Name) {
				continue
			}
			if len(text) > 1 {
				text = append(text, ',')
			}
			text = fmt.Appendf(text, "%q:%s", param.Name, literals.Draw(t, param.Name))
		}
		text = append(text, '}')
		b := startBinding(contract)
		defer b.release()
		if err := b.decode(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !b.certain() {
			return
		}
		certain++
		if err := contract.schema.Validate(b.given); err != nil {
			t.Fatalf("%s passes although the schema objects: %v", text, err)
		}
	})
	for _, text := range []string{`{"amount":1}`, `{"amount":1,"list":[1,2],"day":"2026-01-31","flag":true}`} {
		b := startBinding(contract)
		if err := b.decode(json.RawMessage(text)); err != nil || !b.certain() {
			t.Errorf("%s is not certain: %v", text, err)
		}
		b.release()
	}
	for _, text := range []string{`{}`, `{"amount":1,"ruled":3}`, `{"amount":"x"}`, `{"amount":null}`} {
		b := startBinding(contract)
		if err := b.decode(json.RawMessage(text)); err != nil || b.certain() {
			t.Errorf("%s is certain: %v", text, err)
		}
		b.release()
	}
	t.Logf("%d were certain", certain)
}
