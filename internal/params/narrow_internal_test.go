package params

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/source"
)

// samples are the values that the property test draws from, by type: few, so that contexts and requests meet, and in
// canonical spelling.
var samples = map[source.ParamType][]string{
	source.ParamString:    {`"a"`, `"b"`, `"ab"`, `"abc"`, `"bç"`, `"açé"`, `""`},
	source.ParamInteger:   {`-1`, `0`, `1`, `2`, `9007199254740993`, `9223372036854775807`},
	source.ParamDecimal:   {`-1.5`, `0`, `1`, `1.50`, `2.25`, `100000000000000000000.01`},
	source.ParamBoolean:   {`true`, `false`},
	source.ParamDate:      {`"2025-12-31"`, `"2026-01-01"`, `"2026-01-02"`},
	source.ParamTimestamp: {`"2025-12-31T23:59:59.999999Z"`, `"2026-01-01T00:00:00Z"`, `"2026-01-01T00:00:00.5Z"`},
	source.ParamUUID:      {`"0f8fad5b-d9cb-469f-a165-70867728950e"`, `"7c9e6679-7425-40de-944b-e07fc1f90ae7"`},
}

// wrong are values that some types, or all, refuse.
var wrong = []string{`null`, `1.0`, `1.5`, `20e-1`, `"2026-01-01t00:00:00z"`, `"2026-01-01T00:00:00.0000009Z"`, `1e3`, `9223372036854775808`, `"2026-02-30"`, `"x"`, `{}`, `[]`, `[null]`, `[[1]]`, `[{}]`}

// respelled gives timestamps that are spelled otherwise in the one spelling in which a schema shows what it allows, and in
// which they are bound: const and enum compare texts, as every validator's do.
var respelled = strings.NewReplacer(`"2026-01-01t00:00:00z"`, `"2026-01-01T00:00:00Z"`, `"2026-01-01T00:00:00.0000009Z"`, `"2026-01-01T00:00:00Z"`)

func drawSome(t *rapid.T, values []string, least int, label string) []json.RawMessage {
	var list []json.RawMessage
	for _, text := range rapid.SliceOfNDistinct(rapid.SampledFrom(values), least, len(values), rapid.ID[string]).Draw(t, label) {
		list = append(list, json.RawMessage(text))
	}
	return list
}

func drawOne(t *rapid.T, values []string, label string) json.RawMessage {
	if rapid.IntRange(0, 2).Draw(t, "a "+label) < 2 {
		return nil
	}
	return json.RawMessage(rapid.SampledFrom(values).Draw(t, label))
}

func drawParam(t *rapid.T, name string) Param {
	kind := rapid.SampledFrom(source.ParamTypes()).Draw(t, "type")
	p := Param{Name: name, Type: kind, Array: rapid.Bool().Draw(t, "array"), Required: rapid.Bool().Draw(t, "required")}
	if rapid.IntRange(0, 3).Draw(t, "enum") == 3 {
		p.Enum = drawSome(t, samples[kind], 1, "enum")
	}
	if ordered(kind) {
		p.Minimum, p.Maximum = drawOne(t, samples[kind], "minimum"), drawOne(t, samples[kind], "maximum")
	}
	if kind == source.ParamString && rapid.Bool().Draw(t, "rules") {
		p.MinLength, p.MaxLength = new(rapid.IntRange(0, 1).Draw(t, "shortest")), new(rapid.IntRange(1, 3).Draw(t, "longest"))
		p.Pattern = rapid.SampledFrom([]string{"", "^[ab]", "^.*ç", `(?i)^A`, `^\pL+\z`, `^[^b]*$`, `^(?P<x>a|b\Q.\E)?`, `^\x{61}`, `^[[:alpha:]]+$`}).Draw(t, "pattern")
	}
	if p.Array && rapid.Bool().Draw(t, "counts") {
		p.MinItems, p.MaxItems = new(rapid.IntRange(0, 2).Draw(t, "least")), new(rapid.IntRange(2, 3).Draw(t, "most"))
	}
	if !p.Required && rapid.Bool().Draw(t, "default") {
		p.Default = drawValue(t, p, samples[kind])
	}
	return p
}

func drawValue(t *rapid.T, p Param, values []string) json.RawMessage {
	if !p.Array {
		return json.RawMessage(rapid.SampledFrom(values).Draw(t, "value"))
	}
	items := rapid.SliceOfN(rapid.SampledFrom(values), 0, 3).Draw(t, "items")
	return json.RawMessage("[" + strings.Join(items, ",") + "]")
}

func drawContext(t *rapid.T, definitions []Param) ShareContext {
	context := make(ShareContext)
	for _, p := range definitions {
		var c Constraint
		switch rapid.IntRange(0, 5).Draw(t, "constraint on "+p.Name) {
		case 0, 1:
			continue
		case 2:
			c.Allowed = drawSome(t, samples[p.Type], 1, "allowed")
		case 3, 4:
			c.Allowed = drawSome(t, samples[p.Type], 1, "pinned")[:1]
		case 5:
			c.Minimum, c.Maximum = drawOne(t, samples[p.Type], "minimum"), drawOne(t, samples[p.Type], "maximum")
		}
		context[p.Name] = c
	}
	return context
}

// For any contract and any contexts, none and broken ones included, a request is bound exactly when the schema that is shown,
// read by a validator that knows nothing of contracts and contexts, accepts it; null is a parameter that is left out.
func TestNarrowedSchemaAcceptsWhatIsBound(t *testing.T) {
	accepted, refused, unsatisfiable := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		definitions := []Param{drawParam(t, "p"), drawParam(t, "q")}
		contract, faults := Compile(definitions)
		if len(faults) > 0 {
			t.Skip("not a contract") // of rapid, which draws another one
		}
		contexts := []ShareContext{drawContext(t, definitions), drawContext(t, definitions)}[:rapid.IntRange(0, 2).Draw(t, "contexts")]
		narrowed := contract.Narrow(contexts...)
		schema, err := compileSchema(narrowed.Schema)
		if err != nil {
			t.Fatalf("%s: %v", narrowed.Schema, err)
		}
		for range 8 {
			var request, given []string
			for _, p := range definitions {
				if rapid.Bool().Draw(t, "leave "+p.Name+" out") {
					continue
				}
				value := drawValue(t, p, samples[p.Type])
				if rapid.IntRange(0, 5).Draw(t, "another value") == 0 {
					value = drawValue(t, p, append(append([]string{}, samples[p.Type]...), wrong...))
				}
				if rapid.IntRange(0, 9).Draw(t, "another shape") == 0 {
					value = json.RawMessage(rapid.SampledFrom(wrong).Draw(t, "wrong"))
				}
				request = append(request, fmt.Sprintf("%q:%s", p.Name, value))
				if p.Type == source.ParamTimestamp {
					value = json.RawMessage(respelled.Replace(string(value)))
				}
				if string(value) != "null" {
					given = append(given, fmt.Sprintf("%q:%s", p.Name, value))
				}
			}
			text := "{" + strings.Join(request, ",") + "}"
			instance, err := jsonschema.UnmarshalJSON(strings.NewReader("{" + strings.Join(given, ",") + "}"))
			if err != nil {
				t.Fatal(err)
			}
			bound, refusal := contract.Bind(json.RawMessage(text), contexts...)
			if objection := schema.Validate(instance); (refusal == nil) != (objection == nil) {
				t.Fatalf("%s\nby %s\nbinding says %v\nthe schema says %v", text, narrowed.Schema, refusal, objection)
			}
			if refusal != nil {
				refused++
				continue
			}
			accepted++
			if !narrowed.Satisfiable {
				t.Fatalf("%s is bound, and nothing was to be: %s", text, narrowed.Schema)
			}
			for i, p := range narrowed.Params {
				if p.Pinned != nil && string(appendValue(nil, bound[i])) != string(p.Pinned) && !p.Array && p.Type != source.ParamDecimal {
					t.Fatalf("%s is bound to %+v, and pinned to %s", p.Name, bound[i], p.Pinned)
				}
			}
		}
		if !narrowed.Satisfiable {
			unsatisfiable++
		}
	})
	t.Logf("%d requests were accepted and %d refused; %d contexts left nothing", accepted, refused, unsatisfiable)
	if accepted < 10 || refused < 10 || unsatisfiable == 0 {
		t.Error("the draws are one-sided: they show nothing")
	}
}
