package params_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

// Whatever is wrong with a sensitive value, no fault repeats it.
func TestNoFaultRepeatsASensitiveValue(t *testing.T) {
	length := 5
	contract, faults := params.Compile([]params.Param{
		{Name: "short", Type: source.ParamString, Sensitive: true, MaxLength: &length},
		{Name: "long", Type: source.ParamString, Sensitive: true, MinLength: new(100)},
		{Name: "pattern", Type: source.ParamString, Sensitive: true, Pattern: "^[0-9]+$"},
		{Name: "listed", Type: source.ParamString, Sensitive: true, Enum: []json.RawMessage{json.RawMessage(`"a; got b"`)}},
		{Name: "number", Type: source.ParamInteger, Sensitive: true, Minimum: json.RawMessage("1"), Maximum: json.RawMessage("9")},
		{Name: "decimal", Type: source.ParamDecimal, Sensitive: true},
		{Name: "flag", Type: source.ParamBoolean, Sensitive: true},
		{Name: "day", Type: source.ParamDate, Sensitive: true},
		{Name: "at", Type: source.ParamTimestamp, Sensitive: true},
		{Name: "id", Type: source.ParamUUID, Sensitive: true},
		{Name: "items", Type: source.ParamInteger, Array: true, Sensitive: true},
		{Name: "narrow", Type: source.ParamString, Sensitive: true},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, param := range contract.Params() {
		for _, value := range []string{`"s3cret-4711"`, `4711`, `-4711.5e3`, `["s3cret-4711"]`, `{"s3cret-4711":1}`, `["s3cret-4711",{}]`} {
			_, err := contract.Bind(json.RawMessage(`{"`+param.Name+`":`+value+`}`), params.ShareContext{"narrow": allow(`"nothing"`)})
			if err == nil {
				continue // it is a sound value of this parameter
			}
			text, marshalled := json.Marshal(err)
			if all := err.Error() + string(text); marshalled != nil || strings.Contains(all, "s3cret") || strings.Contains(all, "4711") {
				t.Errorf("%s of %s: %s", value, param.Name, all)
			}
		}
	}
}

func TestRedacted(t *testing.T) {
	contract, faults := params.Compile([]params.Param{
		{Name: "open", Type: source.ParamString},
		{Name: "secret", Type: source.ParamString, Sensitive: true},
		{Name: "secrets", Type: source.ParamInteger, Array: true, Sensitive: true},
		{Name: "omitted", Type: source.ParamString, Sensitive: true},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	values, err := contract.Bind(json.RawMessage(`{"open":"a","secret":"b","secrets":[1,2]}`))
	if err != nil {
		t.Fatal(err)
	}
	const redacted = `{"open":"a","secret":"***","secrets":"***","omitted":null}`
	if got := string(contract.Redacted(values)); got != redacted {
		t.Errorf("got  %s\nwant %s", got, redacted)
	}
	if got := string(contract.Canonical(values)); got != `{"open":"a","secret":"b","secrets":[1,2],"omitted":null}` {
		t.Errorf("what jobs keep is %s", got)
	}
}
