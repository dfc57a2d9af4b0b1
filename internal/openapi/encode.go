package openapi

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// encode writes the document, with the components that its paths refer to, directly or through others, and no others.
func (d *document) encode() ([]byte, error) {
	paths, err := marshal(d.Paths)
	if err != nil {
		return nil, err
	}
	used := &collector{all: d.Components, found: make(map[string]map[string]jsontext.Value)}
	if err := used.follow(paths); err != nil {
		return nil, err
	}
	components := map[string]any{"securitySchemes": d.Components.SecuritySchemes}
	for kind, found := range used.found {
		components[kind] = found
	}
	return marshal(map[string]any{
		"openapi": d.OpenAPI, "info": d.Info, "servers": d.Servers, "security": d.Security, "tags": d.Tags,
		"paths": jsontext.Value(paths), "components": components,
	})
}

// collector encodes the components that are referred to.
type collector struct {
	all   *openapi3.Components
	found map[string]map[string]jsontext.Value // by kind, such as schemas, and name
}

// follow collects what a text refers to.
func (c *collector) follow(text []byte) error {
	for {
		_, rest, ok := bytes.Cut(text, []byte(`"$ref":"#/components/`))
		if !ok {
			return nil
		}
		target, rest, _ := bytes.Cut(rest, []byte{'"'})
		kind, name, _ := bytes.Cut(target, []byte{'/'})
		if err := c.collect(string(kind), string(name)); err != nil {
			return err
		}
		text = rest
	}
}

func (c *collector) collect(kind, name string) error {
	if _, known := c.found[kind][name]; known {
		return nil
	}
	var component any
	var ok bool
	switch kind {
	case "schemas":
		component, ok = c.all.Schemas[name]
	case "headers":
		component, ok = c.all.Headers[name]
	case "parameters":
		component, ok = c.all.Parameters[name]
	case "responses":
		component, ok = c.all.Responses[name]
	case "examples":
		component, ok = c.all.Examples[name]
	case "callbacks":
		component, ok = c.all.Callbacks[name]
	}
	if !ok {
		return fmt.Errorf("there is no component %s/%s", kind, name)
	}
	text, err := marshal(component)
	if err != nil {
		return err
	}
	if c.found[kind] == nil {
		c.found[kind] = make(map[string]jsontext.Value)
	}
	c.found[kind][name] = text
	return c.follow(text)
}

// mapped is what the library's types are: they tell their fields as a map.
type mapped interface{ MarshalYAML() (any, error) }

// marshal writes JSON of the library's types in one go. Their own MarshalJSON has each level's text read again by the level
// above, and a marshaler of a JSON library is looked up for each value: with a thousand endpoints either takes several times as long.
func marshal(value any) ([]byte, error) { return appendJSON(nil, value) }

func appendJSON(dst []byte, value any) ([]byte, error) {
	switch value := value.(type) {
	case string:
		return jsontext.AppendQuote(dst, value)
	case jsontext.Value: // what this package has written
		return append(dst, value...), nil
	case map[string]any:
		return appendObject(dst, value)
	case openapi3.Schemas:
		return appendObject(dst, value)
	case openapi3.Headers:
		return appendObject(dst, value)
	case openapi3.Content:
		return appendObject(dst, value)
	// A reference without a value is one that this package has made, and has nothing beside it.
	case *openapi3.HeaderRef:
		if value.Value == nil {
			return appendRef(dst, value.Ref)
		}
	case *openapi3.ParameterRef:
		if value.Value == nil {
			return appendRef(dst, value.Ref)
		}
	case *openapi3.ResponseRef:
		if value.Value == nil {
			return appendRef(dst, value.Ref)
		}
	case *openapi3.SchemaRef:
		switch {
		case value.Value == nil:
			return appendRef(dst, value.Ref)
		case value.Ref == "":
			return appendSchema(dst, value.Value)
		}
	}
	if value, ok := value.(mapped); ok && !reflect.ValueOf(value).IsZero() {
		return appendMapped(dst, value)
	}
	return appendAny(dst, value)
}

// appendMapped writes what the library tells of a value.
func appendMapped(dst []byte, value mapped) ([]byte, error) {
	fields, err := value.MarshalYAML()
	if err != nil {
		return nil, err
	}
	return appendJSON(dst, fields)
}

// appendSchema writes a schema. The library makes a map of sixty fields for each, of which columns and parameters have two or three.
func appendSchema(dst []byte, schema *openapi3.Schema) ([]byte, error) {
	others := *schema
	others.Extensions, others.Type, others.Format, others.Description, others.Pattern = nil, nil, "", "", ""
	others.Items, others.Properties, others.Required, others.AllOf = nil, nil, nil, nil
	if !reflect.ValueOf(&others).Elem().IsZero() {
		return appendMapped(dst, schema)
	}
	fields := make(map[string]any, 8)
	maps.Copy(fields, schema.Extensions)
	if !schema.Type.IsEmpty() {
		fields["type"] = schema.Type
	}
	for _, text := range [...][2]string{{"format", schema.Format}, {"description", schema.Description}, {"pattern", schema.Pattern}} {
		if text[1] != "" {
			fields[text[0]] = text[1]
		}
	}
	if schema.Items != nil {
		fields["items"] = schema.Items
	}
	if len(schema.Properties) > 0 {
		fields["properties"] = schema.Properties
	}
	if len(schema.Required) > 0 {
		fields["required"] = schema.Required
	}
	if len(schema.AllOf) > 0 {
		fields["allOf"] = schema.AllOf
	}
	return appendObject(dst, fields)
}

// appendRef writes a reference.
func appendRef(dst []byte, ref string) ([]byte, error) {
	dst, err := jsontext.AppendQuote(append(dst, `{"$ref":`...), ref)
	return append(dst, '}'), err
}

// appendAny writes what is made of the library's types, or has none of them.
func appendAny(dst []byte, value any) ([]byte, error) {
	reflected := reflect.ValueOf(value)
	switch kind := reflected.Kind(); {
	case kind == reflect.Map && reflected.Type().Key().Kind() == reflect.String:
		fields := make(map[string]any, reflected.Len())
		for key, field := range reflected.Seq2() {
			fields[key.String()] = field.Interface()
		}
		return appendObject(dst, fields)
	case kind == reflect.Slice && reflected.Type().Elem().Kind() != reflect.Uint8 && !reflected.IsNil():
		dst = append(dst, '[')
		for i := range reflected.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendJSON(dst, reflected.Index(i).Interface()); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	}
	text, err := jsonv2.Marshal(value)
	return append(dst, text...), err
}

// appendObject writes fields in the order of their names.
func appendObject[V any](dst []byte, fields map[string]V) (_ []byte, err error) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = jsontext.AppendQuote(dst, name); err != nil {
			return nil, err
		}
		if dst, err = appendJSON(append(dst, ':'), fields[name]); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}
