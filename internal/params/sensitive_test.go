package params_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/params"
)

// Whatever is wrong with a sensitive value, no fault repeats it.
func TestNoFaultRepeatsASensitiveValue(t *testing.T) {
	length := 5
	contract, faults := params.Compile([]params.Param{
		{Name: "short", Type: params.String, Sensitive: true, MaxLength: &length},
		{Name: "long", Type: params.String, Sensitive: true, MinLength: new(100)},
		{Name: "pattern", Type: params.String, Sensitive: true, Pattern: "^[0-9]+$"},
		{Name: "listed", Type: params.String, Sensitive: true, Enum: []json.RawMessage{json.RawMessage(`"a; got b"`)}},
		{Name: "number", Type: params.Integer, Sensitive: true, Minimum: json.RawMessage("1"), Maximum: json.RawMessage("9")},
		{Name: "decimal", Type: params.Decimal, Sensitive: true},
		{Name: "flag", Type: params.Boolean, Sensitive: true},
		{Name: "day", Type: params.Date, Sensitive: true},
		{Name: "at", Type: params.Timestamp, Sensitive: true},
		{Name: "id", Type: params.UUID, Sensitive: true},
		{Name: "items", Type: params.Integer, Array: true, Sensitive: true},
		{Name: "narrow", Type: params.String, Sensitive: true},
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
		{Name: "open", Type: params.String},
		{Name: "secret", Type: params.String, Sensitive: true},
		{Name: "secrets", Type: params.Integer, Array: true, Sensitive: true},
		{Name: "omitted", Type: params.String, Sensitive: true},
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
