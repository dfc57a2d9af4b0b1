package params_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

func allow(texts ...string) params.Constraint { return params.Constraint{Allowed: raws(texts...)} }

func between(minimum, maximum string) params.Constraint {
	var constraint params.Constraint
	if minimum != "" {
		constraint.Minimum = json.RawMessage(minimum)
	}
	if maximum != "" {
		constraint.Maximum = json.RawMessage(maximum)
	}
	return constraint
}

func TestShareContexts(t *testing.T) {
	region := params.Param{Name: "p", Type: source.ParamString}
	regions := params.Param{Name: "p", Type: source.ParamString, Array: true}
	amount := params.Param{Name: "p", Type: source.ParamDecimal}
	withDefault := params.Param{Name: "p", Type: source.ParamString, Default: raws(`"Sul"`)[0]}
	required := params.Param{Name: "p", Type: source.ParamString, Required: true}
	one := func(constraint params.Constraint) []params.ShareContext {
		return []params.ShareContext{{"p": constraint}}
	}
	both := func(a, b params.Constraint) []params.ShareContext {
		return []params.ShareContext{{"p": a}, {"p": b}}
	}

	for name, test := range map[string]struct {
		param    params.Param
		contexts []params.ShareContext
		given    string
		want     string
	}{
		"allowed":                              {region, one(allow(`"Sul"`, `"Norte"`)), `{"p": "Sul"}`, "Sul"},
		"outside":                              {region, one(allow(`"Sul"`, `"Norte"`)), `{"p": "Leste"}`, `NOT: allowed for you are "Sul", "Norte"; got "Leste"`},
		"pinned, left out":                     {region, one(allow(`"Sul"`)), `{}`, "Sul"},
		"pinned, null":                         {region, one(allow(`"Sul"`)), `{"p": null}`, "Sul"},
		"pinned, given":                        {region, one(allow(`"Sul"`)), `{"p": "Sul"}`, "Sul"},
		"pinned, another given":                {region, one(allow(`"Sul"`)), `{"p": "Norte"}`, `NOT: only "Sul" is allowed for you; got "Norte"`},
		"pinned, required":                     {required, one(allow(`"Sul"`)), `{}`, "Sul"},
		"pinned beats the default":             {withDefault, one(allow(`"Norte"`)), `{}`, "Norte"},
		"required, constrained, left out":      {required, one(allow(`"Sul"`, `"Norte"`)), `{}`, `INVALID: is required`},
		"left out, so NULL would escape":       {region, one(allow(`"Sul"`, `"Norte"`)), `{}`, `NOT: must be given: allowed for you are "Sul", "Norte"`},
		"default allowed":                      {withDefault, one(allow(`"Sul"`, `"Norte"`)), `{}`, "Sul"},
		"default outside":                      {withDefault, one(allow(`"Leste"`, `"Norte"`)), `{}`, `NOT: must be given, since its default is not allowed for you: allowed for you are "Leste", "Norte"`},
		"intersection":                         {region, both(allow(`"Sul"`, `"Norte"`), allow(`"Norte"`, `"Leste"`)), `{"p": "Norte"}`, "Norte"},
		"intersection pins":                    {region, both(allow(`"Sul"`, `"Norte"`), allow(`"Norte"`, `"Leste"`)), `{}`, "Norte"},
		"intersection, outside one":            {region, both(allow(`"Sul"`, `"Norte"`), allow(`"Norte"`, `"Leste"`)), `{"p": "Sul"}`, `NOT: allowed for you are "Norte", "Leste"; got "Sul"`},
		"empty intersection, given":            {region, both(allow(`"Sul"`), allow(`"Norte"`)), `{"p": "Sul"}`, `NOT: only "Norte" is allowed for you; got "Sul"`},
		"empty intersection, left out":         {region, both(allow(`"Sul"`), allow(`"Norte"`)), `{}`, `NOT: must be given: only "Sul" is allowed for you | NOT: must be given: only "Norte" is allowed for you`},
		"empty list":                           {region, one(params.Constraint{Allowed: raws()}), `{"p": "Sul"}`, `NOT: no value is allowed for you; got "Sul"`},
		"empty constraint":                     {region, one(params.Constraint{}), `{"p": "Sul"}`, `NOT: no value is allowed for you; got "Sul"`},
		"unreadable bound":                     {amount, one(between(`"x"`, "")), `{"p": 1}`, `NOT: no value is allowed for you; got 1`},
		"bound on a string":                    {region, one(between(`"a"`, "")), `{"p": "b"}`, `NOT: no value is allowed for you; got "b"`},
		"value of another type":                {amount, one(allow(`"Sul"`)), `{"p": 1}`, `NOT: no value is allowed for you; got 1`},
		"decimal, other spelling":              {amount, one(allow("1.50", "2")), `{"p": 1.5}`, "1.5"},
		"decimal from":                         {amount, one(between("1.5", "")), `{"p": 1.49}`, `NOT: allowed for you is at least 1.5; got 1.49`},
		"decimal to":                           {amount, one(between("", "2")), `{"p": 2.01}`, `NOT: allowed for you is at most 2; got 2.01`},
		"decimal from, to":                     {amount, one(between("1", "2")), `{"p": 3}`, `NOT: allowed for you is from 1 to 2; got 3`},
		"decimal inside":                       {amount, one(between("1", "2")), `{"p": 2.00}`, "2.00"},
		"list and bound pin":                   {amount, both(allow("1", "5"), between("", "2")), `{}`, "1"},
		"array inside":                         {regions, one(allow(`"Sul"`, `"Norte"`)), `{"p": ["Norte", "Sul"]}`, "[Norte Sul]"},
		"array, item outside":                  {regions, one(allow(`"Sul"`, `"Norte"`)), `{"p": ["Norte", "Leste"]}`, `NOT: at index 1: allowed for you are "Sul", "Norte"; got "Leste"`},
		"array pinned":                         {regions, one(allow(`"Sul"`)), `{}`, "[Sul]"},
		"empty array would escape":             {regions, one(allow(`"Sul"`, `"Norte"`)), `{"p": []}`, `NOT: must have at least one item: allowed for you are "Sul", "Norte"`},
		"another parameter":                    {region, []params.ShareContext{{"q": allow(`"Sul"`)}}, `{}`, "NULL"},
		"no constraint":                        {region, []params.ShareContext{nil, {}}, `{}`, "NULL"},
		"wrong type is invalid, not forbidden": {region, one(allow(`"Sul"`)), `{"p": 1}`, `INVALID: must be a string; got 1`},
	} {
		values, err := compile(t, test.param).Bind(json.RawMessage(test.given), test.contexts...)
		var got string
		if err == nil {
			got = texts(values[0])
		} else {
			refused, _ := errors.AsType[*dataapi.Error](err)
			for i, fault := range refused.Faults {
				if i > 0 {
					got += " | "
				}
				short := map[dataapi.Code]string{dataapi.CodeInvalidParameter: "INVALID: ", dataapi.CodeParameterNotAllowed: "NOT: "}
				if fault.Code != refused.Code {
					t.Errorf("%s: fault has %s, error %s", name, fault.Code, refused.Code)
				}
				got += short[fault.Code] + fault.Detail
			}
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
	}
}

func TestInvalidAndForbiddenTogether(t *testing.T) {
	contract := compile(t, params.Param{Name: "a", Type: source.ParamString}, params.Param{Name: "b", Type: source.ParamInteger})
	_, err := contract.Bind(json.RawMessage(`{"a": "x", "b": "1"}`), params.ShareContext{"a": allow(`"y"`)})
	refused, _ := errors.AsType[*dataapi.Error](err)
	if refused == nil || refused.Code != dataapi.CodeInvalidParameter || len(refused.Faults) != 2 ||
		refused.Faults[0].Code != dataapi.CodeParameterNotAllowed || refused.Faults[1].Code != dataapi.CodeInvalidParameter {
		t.Fatalf("got %v", err)
	}
}

func TestRebindChecksContextsAgain(t *testing.T) {
	contract := compile(t, params.Param{Name: "p", Type: source.ParamString})
	context := params.ShareContext{"p": allow(`"a"`, `"b"`)}
	for _, text := range []string{`{"p":"c"}`, `{"p":null}`} {
		if _, err := contract.Rebind(json.RawMessage(text), context); !dataapi.HasCode(err, dataapi.CodeParameterNotAllowed) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What was bound as NULL showed everything: a context that pins the parameter now makes nothing good of it.
func TestWhatWasNotLimitedIsNotAllowedLater(t *testing.T) {
	contract := compile(t, params.Param{Name: "p", Type: source.ParamString}, params.Param{Name: "d", Type: source.ParamString, Default: json.RawMessage(`"x"`)})
	pinned, listed := params.ShareContext{"p": allow(`"a"`)}, params.ShareContext{"d": allow(`"x"`, `"y"`)}
	for _, c := range []struct {
		stored  string
		context params.ShareContext
		rebound bool // a job that is still to run may have what was left out filled in
		allowed bool
	}{
		{`{"p":null,"d":null}`, pinned, false, false},
		{`{"p":null,"d":null}`, listed, false, false},
		{`{}`, pinned, true, false},
		{`{}`, listed, true, false},
		{`{"p":"a","d":"x"}`, pinned, true, true},
		{`{"p":null,"d":"y"}`, listed, true, true},
		{`{"p":"b","d":"z"}`, pinned, false, false},
		{`{"p":null,"d":null}`, nil, true, true},
	} {
		_, err := contract.Rebind(json.RawMessage(c.stored), c.context)
		if allowed := contract.Allowed(json.RawMessage(c.stored), c.context); (err == nil) != c.rebound || (allowed == nil) != c.allowed {
			t.Errorf("%s under %v: rebinding says %v, reading %v", c.stored, c.context, err, allowed)
		}
	}
}

func TestCheckContext(t *testing.T) {
	contract := compile(t,
		params.Param{Name: "n", Type: source.ParamInteger, Maximum: raws("10")[0]},
		params.Param{Name: "s", Type: source.ParamString},
	)
	faults := contract.CheckContext(params.ShareContext{
		"n":       {Allowed: raws("1", "11", `"x"`), Minimum: raws("5")[0], Maximum: raws("4")[0]},
		"s":       between(`"a"`, ""),
		"missing": allow("1"),
	})
	want := []string{
		"n minimum -1: must not be above maximum: 5 > 4",
		"n allowed 1: must be at most 10; got 11",
		`n allowed 2: must be an integer, written as a JSON number; got "x"`,
		"s minimum -1: is allowed for a parameter of type integer, decimal, date or timestamp only; this one is a string",
	}
	var got []string
	for _, fault := range faults {
		got = append(got, fmt.Sprintf("%s %s %d: %s", fault.Parameter, fault.Field, fault.Index, fault.Message))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if contract.Has("missing") || !contract.Has("n") {
		t.Error("Has")
	}
}

// Many contexts pass through one contract, from many goroutines: the cache stays bounded and never mixes them up.
func TestContextCacheUnderLoad(t *testing.T) {
	contract := compile(t, params.Param{Name: "n", Type: source.ParamInteger})
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 1500 {
				want := worker*10_000 + i
				context := params.ShareContext{"n": allow(fmt.Sprint(want))}
				for range 2 {
					values, err := contract.Bind(nil, context)
					if err != nil || values[0].Int != int64(want) {
						t.Errorf("want %d, got %+v, %v", want, values, err)
						return
					}
				}
			}
		})
	}
	group.Wait()
}

func TestNarrow(t *testing.T) {
	contract := compile(t,
		params.Param{Name: "city", Type: source.ParamString, Required: true, MaxLength: new(40), Example: json.RawMessage(`"El Paso"`)},
		params.Param{Name: "months", Type: source.ParamInteger, Minimum: json.RawMessage("2"), Maximum: json.RawMessage("36"), Default: json.RawMessage("12")},
		params.Param{Name: "regions", Type: source.ParamString, Array: true},
		params.Param{Name: "since", Type: source.ParamDate},
	)
	share := params.ShareContext{"city": allow(`"Austin"`, `"Dallas"`), "months": between("18", "48"), "regions": allow(`"Sul"`)}
	user := params.ShareContext{"city": allow(`"Austin"`), "since": between(`"2020-01-01"`, `"2020-12-31"`)}
	narrowed := contract.Narrow(share, user)
	want := `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{` +
		`"city":{"type":"string","default":"Austin","const":"Austin"},` +
		`"months":{"type":"integer","format":"int64","minimum":18,"maximum":36},` +
		`"regions":{"type":"array","default":["Sul"],"minItems":1,"maxItems":1000,"items":{"type":"string","const":"Sul"}},` +
		`"since":{"type":"string","format":"date","formatMinimum":"2020-01-01","formatMaximum":"2020-12-31"}},` +
		`"required":["months","since"],"additionalProperties":false}`
	if got := string(narrowed.Schema); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if city := narrowed.Params[0]; string(city.Pinned) != `"Austin"` || city.Required || !city.Limited || !narrowed.Satisfiable {
		t.Errorf("%+v", narrowed)
	}
	if contract.Narrow(share, params.ShareContext{"city": allow(`"Houston"`)}).Satisfiable {
		t.Error("contexts that have nothing in common leave something")
	}
}
