package params_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

func TestCompileReportsEveryFault(t *testing.T) {
	for _, test := range []struct {
		param params.Param
		want  string
	}{
		{params.Param{Name: "Região", Type: source.ParamString}, `name -1: must be 1 to 63 lower-case letters, digits and underscores, not beginning with a digit`},
		{params.Param{Name: "p", Type: "text"}, `type -1: must be one of string, integer, decimal, boolean, date, timestamp, uuid; got "text"`},
		{params.Param{Name: "p", Type: source.ParamString, Required: true, Default: raws(`"x"`)[0]}, `default -1: must not be given with required: a required parameter never falls back to a default`},
		{params.Param{Name: "p", Type: source.ParamString, Minimum: raws("1")[0]}, `minimum -1: is allowed for a parameter of type integer, decimal, date or timestamp only; this one is a string; for its length there are min_length and max_length`},
		{params.Param{Name: "p", Type: source.ParamInteger, Minimum: raws("1.5")[0]}, `minimum -1: must be an integer; got 1.5`},
		{params.Param{Name: "p", Type: source.ParamDate, Minimum: raws(`"2026-02-30"`)[0]}, `minimum -1: must be a date written YYYY-MM-DD; got "2026-02-30"`},
		{params.Param{Name: "p", Type: source.ParamInteger, Minimum: raws("2")[0], Maximum: raws("1")[0]}, `minimum -1: must not be above maximum: 2 > 1`},
		{params.Param{Name: "p", Type: source.ParamInteger, MinLength: new(1), Pattern: "x"}, `min_length -1: is allowed for a parameter of type string only; for integer there are minimum and maximum` + "\n" + `pattern -1: is allowed for a parameter of type string only`},
		{params.Param{Name: "p", Type: source.ParamString, MinLength: new(-1)}, `min_length -1: must be at least 0; got -1`},
		{params.Param{Name: "p", Type: source.ParamString, MinLength: new(3), MaxLength: new(2)}, `min_length -1: must not be above max_length: 3 > 2`},
		{params.Param{Name: "p", Type: source.ParamString, MaxItems: new(2)}, `max_items -1: is allowed for a parameter of an array only; for the length of a string there are min_length and max_length`},
		{params.Param{Name: "p", Type: source.ParamString, Pattern: `(?=x)`}, "pattern -1: must be a regular expression in RE2 syntax: error parsing regexp: invalid or unsupported Perl syntax: `(?=`"},
		{params.Param{Name: "p", Type: source.ParamString, Enum: raws()}, `enum -1: must list at least one value; leave it out to allow any`},
		{params.Param{Name: "p", Type: source.ParamString, Enum: raws(`"a"`, `1`, `"a"`)}, `enum 1: must be a string; got 1` + "\n" + `enum 2: repeats the value at index 0: "a"`},
		{params.Param{Name: "p", Type: source.ParamDecimal, Enum: raws(`1.5`, `1.50`)}, `enum 1: repeats the value at index 0: 1.50`},
		{params.Param{Name: "p", Type: source.ParamInteger, Enum: raws(`1`, `9`), Maximum: raws("5")[0]}, `enum 1: must be at most 5; got 9`},
		{params.Param{Name: "p", Type: source.ParamString, Enum: raws(`"a"`), Default: raws(`"b"`)[0], Example: raws(`"c"`)[0]}, `default -1: must be "a"; got "b"` + "\n" + `example -1: must be "a"; got "c"`},
		{params.Param{Name: "p", Type: source.ParamInteger, Array: true, Default: raws(`5`)[0]}, `default -1: must be an array, each item of type integer; got 5`},
		{params.Param{Name: "p", Type: source.ParamInteger, Array: true, MinItems: new(1), Default: raws(`[]`)[0]}, `default -1: must have at least 1 item; got 0`},
		{params.Param{Name: "p", Type: source.ParamString, Default: raws(`null`)[0]}, `default -1: must not be null: leave it out instead`},
		{params.Param{Name: "p", Type: source.ParamString, Default: raws(`{`)[0]}, `default -1: is not valid JSON; got {`},
		{params.Param{Name: "p", Type: source.ParamDecimal, Maximum: raws(`1e999`)[0]}, `maximum -1: must have at most 400 digits when written out without an exponent; got 1e999`},
	} {
		contract, faults := params.Compile([]params.Param{test.param})
		var got []string
		for _, fault := range faults {
			if fault.Parameter != test.param.Name {
				t.Errorf("fault of %q names %q", test.param.Name, fault.Parameter)
			}
			got = append(got, fmt.Sprintf("%s %d: %s", fault.Field, fault.Index, fault.Message))
		}
		if strings.Join(got, "\n") != test.want || contract != nil {
			t.Errorf("%+v:\n got %s\nwant %s", test.param, strings.Join(got, "\n"), test.want)
		}
	}
}

func TestCompileRefusesANameTwice(t *testing.T) {
	_, faults := params.Compile([]params.Param{{Name: "a", Type: source.ParamString}, {Name: "a", Type: "?"}})
	if len(faults) != 2 || faults[0].Field != "name" || faults[1].Field != "type" {
		t.Errorf("got %+v", faults)
	}
}

func TestNoParameters(t *testing.T) {
	contract := compile(t)
	if values, err := contract.Bind(nil); err != nil || len(values) != 0 {
		t.Errorf("%v, %v", values, err)
	}
	_, err := contract.Bind(raws(`{"x": 1}`)[0])
	if got := details(err); got != "is not a parameter of this endpoint, which has none" {
		t.Error(got)
	}
}
