package params

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/solucao42/caddy-data-api/source"
)

// property is the JSON Schema of one parameter. The order of its fields is the order in the document.
type property struct {
	Title       string            `json:"title,omitempty"`
	Description string            `json:"description,omitempty"`
	Type        string            `json:"type"`
	Format      string            `json:"format,omitempty"`
	WriteOnly   bool              `json:"writeOnly,omitempty"`
	Default     json.RawMessage   `json:"default,omitempty"`
	Examples    []json.RawMessage `json:"examples,omitempty"`
	Const       json.RawMessage   `json:"const,omitempty"`
	Enum        []json.RawMessage `json:"enum,omitempty"`
	Minimum     json.RawMessage   `json:"minimum,omitempty"`
	Maximum     json.RawMessage   `json:"maximum,omitempty"`
	NotBefore   json.RawMessage   `json:"formatMinimum,omitempty"`
	NotAfter    json.RawMessage   `json:"formatMaximum,omitempty"`
	MinLength   *int              `json:"minLength,omitempty"`
	MaxLength   *int              `json:"maxLength,omitempty"`
	Pattern     string            `json:"pattern,omitempty"`
	RE2         string            `json:"x-pattern,omitempty"` // in place of a pattern that ECMA-262 cannot say
	MinItems    *int              `json:"minItems,omitempty"`
	MaxItems    *int              `json:"maxItems,omitempty"`
	Items       *property         `json:"items,omitempty"`
	Not         *struct{}         `json:"not,omitempty"` // of {}, which refuses every value
}

// schemaTypes gives each parameter type its JSON type and its format. int64 and decimal are names of OpenAPI's format
// registry; date, date-time and uuid are JSON Schema's own.
var schemaTypes = map[source.ParamType][2]string{
	source.ParamString:    {"string", ""},
	source.ParamInteger:   {"integer", "int64"},
	source.ParamDecimal:   {"number", "decimal"},
	source.ParamBoolean:   {"boolean", ""},
	source.ParamDate:      {"string", "date"},
	source.ParamTimestamp: {"string", "date-time"},
	source.ParamUUID:      {"string", "uuid"},
}

// propertyOf writes a definition as JSON Schema. The rules on values are given in canonical spelling, as what a
// definition's check has read. It shows the rules; the contract judges by its own.
func propertyOf(p Param, rules valueRules) *property {
	value := &property{
		Type: schemaTypes[p.Type][0], Format: schemaTypes[p.Type][1],
		MinLength: p.MinLength, MaxLength: p.MaxLength,
	}
	if translated, ok := ecmaPattern(p.Pattern); ok {
		value.Pattern = translated
	} else {
		value.RE2 = p.Pattern
	}
	for _, allowed := range rules.enum {
		value.Enum = append(value.Enum, appendScalar(nil, allowed))
	}
	lower, upper := boundOf(rules.minimum), boundOf(rules.maximum)
	if p.Type == source.ParamDate || p.Type == source.ParamTimestamp {
		value.NotBefore, value.NotAfter = lower, upper
	} else {
		value.Minimum, value.Maximum = lower, upper
	}

	whole := value
	if p.Array {
		whole = &property{Type: "array", MinItems: p.MinItems, MaxItems: p.MaxItems, Items: value}
	}
	whole.Title, whole.Description, whole.Default = p.Title, p.Description, p.Default
	whole.WriteOnly = p.Sensitive // so that forms hide what is typed
	if p.Example != nil {
		whole.Examples = []json.RawMessage{p.Example}
	}
	return whole
}

func boundOf(bound *source.Argument) json.RawMessage {
	if bound == nil {
		return nil
	}
	return appendScalar(nil, *bound)
}

// member is one property of a contract's object.
type member struct {
	name     string
	schema   *property
	required bool
}

// members are the properties of parameters that nothing limits beyond their own rules.
func members(params []parameter) []member {
	list := make([]member, 0, len(params))
	for _, p := range params {
		list = append(list, member{p.Name, propertyOf(p.Param, p.rules), p.Required})
	}
	return list
}

// document writes the schema of a contract: an object whose properties are in the contract's order.
func document(members []member) (json.RawMessage, error) {
	required := []string{}
	var text bytes.Buffer
	text.WriteString(`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{`)
	for i, m := range members {
		if i > 0 {
			text.WriteByte(',')
		}
		schema, err := json.Marshal(m.schema)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&text, "%q:%s", m.name, schema) // a parameter's name needs no escapes
		if m.required {
			required = append(required, m.name)
		}
	}
	text.WriteString(`},"required":`)
	names, err := json.Marshal(required)
	if err != nil {
		return nil, err
	}
	text.Write(names)
	text.WriteString(`,"additionalProperties":false}`)
	return text.Bytes(), nil
}
