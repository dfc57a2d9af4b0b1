package execution

import (
	"errors"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

// A caller is told which parameters a refused value can be of, and what a database has to say to callers, without secrets.
func TestRefusedValuesAreExplained(t *testing.T) {
	contract, faults := params.Compile([]params.Param{
		{Name: "a", Type: source.ParamString}, {Name: "b", Type: source.ParamString}, {Name: "c", Type: source.ParamString, Sensitive: true},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	cause := errors.New(`invalid input value for enum: "lost" of 4711`)
	for _, test := range []struct{ values, detail, want string }{
		{`{"a":"lost"}`, "", "The query cannot work with the value of a, although"},
		{`{"a":"lost","b":"x"}`, "", "The query cannot work with one of the values of a and b, although"},
		{`{"a":"lost","b":"x","c":"4711"}`, "", "The query cannot work with one of the values of a, b and c, although"},
		{`{"c":"4711"}`, "4711 is in the archive.", "*** is in the archive."},
		{`{}`, "Not yet.", "Not yet."},
		{`{}`, "", ""},
	} {
		args, err := contract.Bind([]byte(test.values))
		if err != nil {
			t.Fatal(err)
		}
		bound := &Bound{Endpoint: &catalog.Endpoint{Contract: contract}, call: source.Call{Args: args}}
		original := &dataapi.Error{Code: dataapi.CodeValueRefused, Detail: test.detail, Err: cause}
		got := bound.redactError(bound.explain(original))
		failure := dataapi.AsError(got)
		if failure.Code != dataapi.CodeValueRefused || !strings.HasPrefix(failure.Detail, test.want) || strings.Contains(failure.Detail, "enum") {
			t.Errorf("%s: the caller reads %q, want %q", test.values, failure.Detail, test.want)
		}
		if !errors.Is(got, cause) || strings.Contains(test.values, "4711") && strings.Contains(got.Error(), "4711") {
			t.Errorf("%s: the log reads %v", test.values, got)
		}
		if original.Detail != test.detail {
			t.Error("the source's error was changed")
		}
	}
	other := dataapi.Wrap(dataapi.CodeInternal, cause)
	if bound := (&Bound{Endpoint: &catalog.Endpoint{Contract: contract}}); bound.explain(other) != other { //nolint:errorlint // unchanged
		t.Error("another error was changed")
	}
}
