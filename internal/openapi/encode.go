package openapi

import (
	"bytes"
	"fmt"

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
// above: with a thousand endpoints that takes several times as long.
func marshal(value any) ([]byte, error) {
	return jsonv2.Marshal(value, jsonv2.Deterministic(true), jsonv2.WithMarshalers(
		jsonv2.MarshalToFunc(func(encoder *jsontext.Encoder, value mapped) error {
			fields, err := value.MarshalYAML()
			if err != nil {
				return err
			}
			return jsonv2.MarshalEncode(encoder, fields)
		})))
}
