package params_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

func compile(t testing.TB, definitions ...params.Param) *params.Contract {
	t.Helper()
	contract, faults := params.Compile(definitions)
	if len(faults) > 0 {
		t.Fatalf("definition faults: %+v", faults)
	}
	return contract
}

func raws(texts ...string) []json.RawMessage {
	list := make([]json.RawMessage, 0, len(texts))
	for _, text := range texts {
		list = append(list, json.RawMessage(text))
	}
	return list
}

// texts is what was bound, in short.
func texts(value source.Argument) string {
	switch {
	case value.Null:
		return "NULL"
	case value.Array:
		var items []string
		for _, item := range value.Items {
			items = append(items, item.Text)
		}
		return "[" + strings.Join(items, " ") + "]"
	default:
		return value.Text
	}
}

func TestBindReadsEveryType(t *testing.T) {
	nines := strings.Repeat("9", 400)
	for _, test := range []struct {
		param params.Param
		given string
		want  string // what is bound, or the detail of the fault
	}{
		{params.Param{Type: source.ParamString}, `"São Paulo"`, "São Paulo"},
		{params.Param{Type: source.ParamString}, `""`, ""},
		{params.Param{Type: source.ParamString}, `"\u0041\n"`, "A\n"},
		{params.Param{Type: source.ParamString}, `null`, "NULL"},
		{params.Param{Type: source.ParamString}, `12`, `must be a string; got 12`},
		{params.Param{Type: source.ParamString}, `{"a":1}`, `must be a string; got {"a":1}`},
		{params.Param{Type: source.ParamString}, `"a\u0000b"`, `must not contain the NUL character (U+0000)`},
		{params.Param{Type: source.ParamString, MinLength: new(2)}, `"é"`, `must have at least 2 characters; got 1: "é"`},
		{params.Param{Type: source.ParamString, MaxLength: new(2)}, `"éé"`, "éé"},
		{params.Param{Type: source.ParamString, MaxLength: new(2)}, `"abc"`, `must have at most 2 characters; got 3: "abc"`},
		{params.Param{Type: source.ParamString, MaxLength: new(1)}, `"` + strings.Repeat("x", 99) + `"`, `must have at most 1 character; got 99: "` + strings.Repeat("x", 60) + `"…`},
		{params.Param{Type: source.ParamString, Pattern: `^[A-Z]{2}$`}, `"SP"`, "SP"},
		{params.Param{Type: source.ParamString, Pattern: `^[A-Z]{2}$`}, `"sp"`, `must match the pattern ^[A-Z]{2}$; got "sp"`},
		{params.Param{Type: source.ParamString, Enum: raws(`"Sul"`, `"Norte"`)}, `"Sul"`, "Sul"},
		{params.Param{Type: source.ParamString, Enum: raws(`"Sul"`, `"Norte"`)}, `"sul"`, `must be one of "Sul", "Norte"; got "sul"`},

		{params.Param{Type: source.ParamInteger}, `42`, "42"},
		{params.Param{Type: source.ParamInteger}, `-0`, "0"},
		{params.Param{Type: source.ParamInteger}, `9223372036854775807`, "9223372036854775807"},
		{params.Param{Type: source.ParamInteger}, `-9223372036854775808`, "-9223372036854775808"},
		{params.Param{Type: source.ParamInteger}, `9223372036854775808`, `must be an integer from -9223372036854775808 to 9223372036854775807; got 9223372036854775808`},
		{params.Param{Type: source.ParamInteger}, `1.0`, "1"},
		{params.Param{Type: source.ParamInteger}, `1e3`, "1000"},
		{params.Param{Type: source.ParamInteger}, `-120e-1`, "-12"},
		{params.Param{Type: source.ParamInteger}, `-0.0`, "0"},
		{params.Param{Type: source.ParamInteger}, `9223372036854775807.0`, "9223372036854775807"},
		{params.Param{Type: source.ParamInteger}, `9.223372036854775808e18`, `must be an integer from -9223372036854775808 to 9223372036854775807; got 9.223372036854775808e18`},
		{params.Param{Type: source.ParamInteger}, `1e999999999`, `must be an integer from -9223372036854775808 to 9223372036854775807; got 1e999999999`},
		{params.Param{Type: source.ParamInteger}, `1.5`, `must be an integer; got 1.5`},
		{params.Param{Type: source.ParamInteger}, `1e-1`, `must be an integer; got 1e-1`},
		{params.Param{Type: source.ParamInteger}, `"42"`, `must be an integer, written as a JSON number; got "42"`},
		{params.Param{Type: source.ParamInteger}, `true`, `must be an integer, written as a JSON number; got true`},
		{params.Param{Type: source.ParamInteger, Minimum: raws("1")[0]}, `0`, `must be at least 1; got 0`},
		{params.Param{Type: source.ParamInteger, Maximum: raws("9007199254740993")[0]}, `9007199254740993`, "9007199254740993"},
		{params.Param{Type: source.ParamInteger, Maximum: raws("9007199254740993")[0]}, `9007199254740994`, `must be at most 9007199254740993; got 9007199254740994`},
		{params.Param{Type: source.ParamInteger, Enum: raws("1", "2")}, `3`, `must be one of 1, 2; got 3`},

		{params.Param{Type: source.ParamDecimal}, `150000.00`, "150000.00"},
		{params.Param{Type: source.ParamDecimal}, `-1.50e1`, "-15.0"},
		{params.Param{Type: source.ParamDecimal}, `1.5E-3`, "0.0015"},
		{params.Param{Type: source.ParamDecimal}, `12e+2`, "1200"},
		{params.Param{Type: source.ParamDecimal}, `-0.00`, "0.00"},
		{params.Param{Type: source.ParamDecimal}, `0e5`, "0"},
		{params.Param{Type: source.ParamDecimal}, `0.001e2`, "0.1"},
		{params.Param{Type: source.ParamDecimal}, nines, nines},
		{params.Param{Type: source.ParamDecimal}, nines + "9", `must have at most 400 digits when written out without an exponent; got ` + nines[:60] + "…"},
		{params.Param{Type: source.ParamDecimal}, `1e999999999`, `must have at most 400 digits when written out without an exponent; got 1e999999999`},
		{params.Param{Type: source.ParamDecimal}, `1e-999999999`, `must have at most 400 digits when written out without an exponent; got 1e-999999999`},
		{params.Param{Type: source.ParamDecimal}, `1e400`, `must have at most 400 digits when written out without an exponent; got 1e400`},
		{params.Param{Type: source.ParamDecimal}, `"1.5"`, `must be a number, written as a JSON number; got "1.5"`},
		{params.Param{Type: source.ParamDecimal, Minimum: raws("0.10")[0]}, `0.1`, "0.1"},
		{params.Param{Type: source.ParamDecimal, Minimum: raws("0.10")[0]}, `0.09`, `must be at least 0.10; got 0.09`},
		{params.Param{Type: source.ParamDecimal, Enum: raws("1.50")}, `1.5`, "1.5"},
		{params.Param{Type: source.ParamDecimal, Enum: raws("1.50")}, `1.6`, `must be 1.50; got 1.6`},

		{params.Param{Type: source.ParamBoolean}, `true`, "true"},
		{params.Param{Type: source.ParamBoolean}, `false`, "false"},
		{params.Param{Type: source.ParamBoolean}, `"true"`, `must be true or false; got "true"`},
		{params.Param{Type: source.ParamBoolean}, `1`, `must be true or false; got 1`},

		{params.Param{Type: source.ParamDate}, `"2024-02-29"`, "2024-02-29"},
		{params.Param{Type: source.ParamDate}, `"2026-02-30"`, `must be a date written YYYY-MM-DD; got "2026-02-30"`},
		{params.Param{Type: source.ParamDate}, `"2026-1-1"`, `must be a date written YYYY-MM-DD; got "2026-1-1"`},
		{params.Param{Type: source.ParamDate}, `"0000-01-01"`, `must be a date written YYYY-MM-DD; got "0000-01-01"`},
		{params.Param{Type: source.ParamDate}, `20260101`, `must be a date written YYYY-MM-DD; got 20260101`},
		{params.Param{Type: source.ParamDate, Minimum: raws(`"2020-01-01"`)[0]}, `"2019-12-31"`, `must not be before 2020-01-01; got "2019-12-31"`},
		{params.Param{Type: source.ParamDate, Maximum: raws(`"2020-01-01"`)[0]}, `"2020-01-01"`, "2020-01-01"},
		{params.Param{Type: source.ParamDate, Maximum: raws(`"2020-01-01"`)[0]}, `"2020-01-02"`, `must not be after 2020-01-01; got "2020-01-02"`},

		{params.Param{Type: source.ParamTimestamp}, `"2026-01-31T10:30:00-03:00"`, "2026-01-31T13:30:00Z"},
		{params.Param{Type: source.ParamTimestamp}, `"2026-01-31T10:30:00.1234560Z"`, "2026-01-31T10:30:00.123456Z"},
		{params.Param{Type: source.ParamTimestamp}, `"2026-01-31T10:30:00.123456789Z"`, "2026-01-31T10:30:00.123456Z"},
		{params.Param{Type: source.ParamTimestamp}, `"2026-01-31T10:30:00"`, `must be a timestamp with an offset, such as 2026-01-31T10:30:00Z or 2026-01-31T10:30:00.25-03:00; got "2026-01-31T10:30:00"`},
		{params.Param{Type: source.ParamTimestamp}, `"2026-01-31T10:30:00,5Z"`, `must be a timestamp with an offset, such as 2026-01-31T10:30:00Z or 2026-01-31T10:30:00.25-03:00; got "2026-01-31T10:30:00,5Z"`},
		{params.Param{Type: source.ParamTimestamp}, `"2026-01-31T10:30:00.9999999999-03:00"`, "2026-01-31T13:30:00.999999Z"},
		{params.Param{Type: source.ParamTimestamp}, `"2026-01-31t10:30:00.5z"`, "2026-01-31T10:30:00.5Z"},
		{params.Param{Type: source.ParamTimestamp}, `"2026-01-31T10:30:00+24:00"`, `must be a timestamp with an offset, such as 2026-01-31T10:30:00Z or 2026-01-31T10:30:00.25-03:00; got "2026-01-31T10:30:00+24:00"`},
		{params.Param{Type: source.ParamTimestamp}, `"0001-01-01T00:00:00+01:00"`, `must be a timestamp with an offset, such as 2026-01-31T10:30:00Z or 2026-01-31T10:30:00.25-03:00; got "0001-01-01T00:00:00+01:00"`},
		{params.Param{Type: source.ParamTimestamp, Maximum: raws(`"2026-01-01T00:00:00Z"`)[0]}, `"2026-01-01T00:00:00.000001Z"`, `must not be after 2026-01-01T00:00:00Z; got "2026-01-01T00:00:00.000001Z"`},
		{params.Param{Type: source.ParamTimestamp, Minimum: raws(`"2026-01-01T00:00:00-03:00"`)[0]}, `"2026-01-01T03:00:00Z"`, "2026-01-01T03:00:00Z"},
		{params.Param{Type: source.ParamTimestamp, Enum: raws(`"2026-01-01T00:00:00-03:00"`)}, `"2026-01-01T03:00:00+00:00"`, "2026-01-01T03:00:00Z"},

		{params.Param{Type: source.ParamUUID}, `"0F8FAD5B-D9CB-469F-A165-70867728950E"`, "0f8fad5b-d9cb-469f-a165-70867728950e"},
		{params.Param{Type: source.ParamUUID}, `"0f8fad5bd9cb469fa16570867728950e"`, `must be a UUID such as 0f8fad5b-d9cb-469f-a165-70867728950e; got "0f8fad5bd9cb469fa16570867728950e"`},
		{params.Param{Type: source.ParamUUID, Enum: raws(`"0F8FAD5B-D9CB-469F-A165-70867728950E"`)}, `"0f8fad5b-d9cb-469f-a165-70867728950e"`, "0f8fad5b-d9cb-469f-a165-70867728950e"},

		{params.Param{Type: source.ParamInteger, Array: true}, `[3, 1, 3]`, "[3 1 3]"},
		{params.Param{Type: source.ParamInteger, Array: true}, `[]`, "[]"},
		{params.Param{Type: source.ParamInteger, Array: true}, `3`, `must be an array, each item of type integer; got 3`},
		{params.Param{Type: source.ParamInteger, Array: true}, `[1, null]`, `at index 1: must be an integer, written as a JSON number; got null`},
		{params.Param{Type: source.ParamInteger, Array: true}, `[1, [2]]`, `at index 1: must be an integer, written as a JSON number; got [2]`},
		{params.Param{Type: source.ParamInteger, Array: true, MinItems: new(2)}, `[1]`, `must have at least 2 items; got 1`},
		{params.Param{Type: source.ParamInteger, Array: true, MaxItems: new(1)}, `[1, 2]`, `must have at most 1 item; got 2`},
		{params.Param{Type: source.ParamInteger, Array: true, Maximum: raws("5")[0]}, `[1, 6, 7]`, `at index 1: must be at most 5; got 6 | at index 2: must be at most 5; got 7`},
		{params.Param{Type: source.ParamDate, Array: true, Minimum: raws(`"2026-01-01"`)[0]}, `["2026-01-01", "2025-12-31"]`, `at index 1: must not be before 2026-01-01; got "2025-12-31"`},
	} {
		test.param.Name = "p"
		values, err := compile(t, test.param).Bind(json.RawMessage(`{"p": ` + test.given + `}`))
		if err != nil {
			if !dataapi.HasCode(err, dataapi.CodeInvalidParameter) {
				t.Errorf("%s %s: %v", test.param.Type, test.given, err)
				continue
			}
			if got := details(err); got != test.want {
				t.Errorf("%s %s:\n got %s\nwant %s", test.param.Type, test.given, got, test.want)
			}
			continue
		}
		if got := texts(values[0]); got != test.want {
			t.Errorf("%s %s: got %s, want %s", test.param.Type, test.given, got, test.want)
		}
	}
}

func details(err error) string {
	refused, ok := errors.AsType[*dataapi.Error](err)
	if !ok {
		return err.Error()
	}
	var list []string
	for _, fault := range refused.Faults {
		list = append(list, fault.Detail)
	}
	return strings.Join(list, " | ")
}

func TestBindReportsAllFaultsInOrder(t *testing.T) {
	contract := compile(t,
		params.Param{Name: "a", Type: source.ParamDate, Required: true},
		params.Param{Name: "b", Type: source.ParamInteger, Minimum: raws("1")[0]},
		params.Param{Name: "c", Type: source.ParamString, MinLength: new(3), Pattern: "^x"},
		params.Param{Name: "d", Type: source.ParamBoolean},
	)
	_, err := contract.Bind(json.RawMessage(`{"zz": [1, {"q": 2}], "d": "yes", "c": "ab", "b": 0}`))
	refused, ok := errors.AsType[*dataapi.Error](err)
	if !ok || refused.Code != dataapi.CodeInvalidParameter {
		t.Fatalf("got %v", err)
	}
	want := []string{
		`a: is required`,
		`b: must be at least 1; got 0`,
		`c: must have at least 3 characters; got 2: "ab"`,
		`c: must match the pattern ^x; got "ab"`,
		`d: must be true or false; got "yes"`,
		`zz: is not a parameter of this endpoint; it has a, b, c, d`,
	}
	var got []string
	for _, fault := range refused.Faults {
		got = append(got, fault.Parameter+": "+fault.Detail)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestBindRefusesTextThatIsNoObject(t *testing.T) {
	contract := compile(t, params.Param{Name: "a", Type: source.ParamString})
	for text, want := range map[string]string{
		`[1]`:                       "parameter_values must be a JSON object with one member for each parameter; got [1]",
		`"x"`:                       `parameter_values must be a JSON object with one member for each parameter; got "x"`,
		`{"a": "x"`:                 "parameter_values is not valid JSON: it ends too early",
		`{"a": "x", "a": "y"}`:      `parameter_values has the name "a" more than once`,
		`{"a": "x", "\u0061": "y"}`: `parameter_values has the name "a" more than once`,
		"{\"a\": \"\xff\"}":         "parameter_values is not valid JSON: invalid UTF-8 at byte 7",
		`{"a": "\ud800"}`:           "parameter_values is not valid JSON: invalid surrogate pair",
		`{"a": 'x'}`:                "parameter_values is not valid JSON: invalid character",
		`{} {}`:                     "parameter_values must be one JSON object with nothing after it",
		`nul`:                       "parameter_values is not valid JSON",
	} {
		_, err := contract.Bind(json.RawMessage(text))
		refused, ok := errors.AsType[*dataapi.Error](err)
		if !ok || refused.Code != dataapi.CodeInvalidRequest || !strings.HasPrefix(refused.Detail, want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
	for _, text := range []json.RawMessage{nil, {}, raws(`{}`)[0], raws(` null `)[0], raws(`{"a":null}`)[0]} {
		values, err := contract.Bind(text)
		if err != nil || len(values) != 1 || !values[0].Null || values[0].Type != source.ParamString {
			t.Errorf("%q: %+v, %v", text, values, err)
		}
	}
}

func TestBindFillsDefaults(t *testing.T) {
	contract := compile(t,
		params.Param{Name: "n", Type: source.ParamInteger, Default: raws("7")[0]},
		params.Param{Name: "list", Type: source.ParamString, Array: true, Default: raws(`["a", "b"]`)[0]},
	)
	for _, text := range []string{`{}`, `{"n": null, "list": null}`} {
		values, err := contract.Bind(json.RawMessage(text))
		if err != nil || values[0].Int != 7 || texts(values[1]) != "[a b]" {
			t.Errorf("%s: %+v, %v", text, values, err)
		}
	}
}

func TestBindListsAtMostTenFaultsOfAParameter(t *testing.T) {
	contract := compile(t, params.Param{Name: "n", Type: source.ParamInteger, Array: true, MaxItems: new(100_000)})
	_, err := contract.Bind(json.RawMessage(`{"n": [` + strings.Repeat(`"x",`, 99_999) + `"x"]}`))
	refused, _ := errors.AsType[*dataapi.Error](err)
	if refused == nil || len(refused.Faults) != 11 || refused.Faults[10].Detail != "has 99990 more faults that are not listed" {
		t.Fatalf("got %v", err)
	}
}

func TestBindBoundsArraysThatDoNotSayHowLong(t *testing.T) {
	contract := compile(t, params.Param{Name: "n", Type: source.ParamInteger, Array: true, Enum: raws("1", "2")})
	array := func(items int) json.RawMessage {
		return json.RawMessage(`{"n": [` + strings.Repeat(`2,`, items-1) + `2]}`)
	}
	if values, err := contract.Bind(array(params.DefaultMaxItems)); err != nil || len(values[0].Items) != params.DefaultMaxItems {
		t.Errorf("the longest: %v", err)
	}
	_, err := contract.Bind(array(80_000))
	refused, _ := errors.AsType[*dataapi.Error](err)
	if refused == nil || len(refused.Faults) != 1 || refused.Faults[0].Detail != "must have at most 1000 items; got 80000" {
		t.Errorf("got %v", err)
	}
}

func TestRebindReadsWhatCanonicalWrote(t *testing.T) {
	contract := compile(t,
		params.Param{Name: "s", Type: source.ParamString, Default: raws(`"x"`)[0]},
		params.Param{Name: "d", Type: source.ParamDecimal},
		params.Param{Name: "at", Type: source.ParamTimestamp, Array: true},
		params.Param{Name: "b", Type: source.ParamBoolean},
		params.Param{Name: "u", Type: source.ParamUUID},
	)
	values, err := contract.Bind(json.RawMessage(`{"at": ["2026-01-01T00:00:00+02:00"], "d": 1.50e308, "b": true}`))
	if err != nil {
		t.Fatal(err)
	}
	stored := contract.Canonical(values)
	if want := `{"s":"x","d":15` + strings.Repeat("0", 307) + `,"at":["2025-12-31T22:00:00Z"],"b":true,"u":null}`; string(stored) != want {
		t.Fatalf("got  %s\nwant %s", stored, want)
	}
	again, err := contract.Rebind(stored)
	if err != nil || string(contract.Canonical(again)) != string(stored) {
		t.Fatalf("%+v, %v", again, err)
	}

	// NULL that was bound stays NULL, even where the endpoint has got a default since.
	kept, err := contract.Rebind(json.RawMessage(`{"s":null}`))
	if err != nil || !kept[0].Null {
		t.Errorf("%+v, %v", kept, err)
	}
}

func TestSchemaIsExported(t *testing.T) {
	contract := compile(t,
		params.Param{Name: "z", Type: source.ParamDate, Required: true, Minimum: raws(`"2020-01-01"`)[0], Title: "Início", Example: raws(`"2026-01-01"`)[0]},
		params.Param{Name: "a", Type: source.ParamDecimal, Array: true, MaxItems: new(3), Maximum: raws("1.50")[0]},
	)
	want := `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{` +
		`"z":{"title":"Início","type":"string","format":"date","examples":["2026-01-01"],"formatMinimum":"2020-01-01"},` +
		`"a":{"type":"array","maxItems":3,"items":{"type":"number","format":"decimal","maximum":1.50}}},` +
		`"required":["z"],"additionalProperties":false}`
	if got := string(contract.Narrow().Schema); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
