package openapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestMarshal writes what the library's own methods write, which take several times as long.
func TestMarshal(t *testing.T) {
	values := map[string]json.Marshaler{}
	for name, read := range map[string]func() (*openapi3.T, error){"base": base, "management": management} {
		document, err := read()
		if err != nil {
			t.Fatal(err)
		}
		values[name] = document
	}
	text := inline(&openapi3.Schema{Type: types("string"), Format: "date", Pattern: "^[0-9]", Description: `"é" & <b>`})
	for name, schema := range map[string]*openapi3.Schema{
		"empty schema": {}, "nullable type": {Type: types("string", "null")},
		"extensions": {Extensions: map[string]any{"const": json.RawMessage(`9007199254740993`), "x-a": []any{1, nil, true, "b"}, "items": text.Value}},
		"usual fields": {
			Type: types("object"), Properties: openapi3.Schemas{"b": text, "a": schemaRef("A")}, Required: []string{"b", "a"},
			AllOf: openapi3.SchemaRefs{schemaRef("B"), text}, Items: text,
		},
		"unusual fields": {
			Title: "t", Not: text, Enum: []any{"a", nil}, Default: false, Min: new(0.0), Max: new(1e300), MinLength: 1, OneOf: openapi3.SchemaRefs{text},
			AdditionalProperties: openapi3.AdditionalProperties{Has: new(false)}, Type: types("string"), Format: "x",
		},
		"any properties": {Properties: openapi3.Schemas{"a": text}, AdditionalProperties: openapi3.AdditionalProperties{Schema: text}},
		"no description": {Description: "", MaxProps: new(uint64(3))},
	} {
		values[name] = schema
	}
	for name, value := range values {
		got, err := marshal(value)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := value.MarshalJSON()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(parsed(t, got), parsed(t, want)) {
			t.Errorf("%s\ngot  %s\nwant %s", name, got, want)
		}
	}
}

func parsed(t *testing.T, text []byte) (value any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}
