package params

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/message"

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

// propertyOf writes a definition as JSON Schema. The rules on values are given in canonical spelling, since it is
// canonical values that are validated; so it takes what a definition's check has read.
func propertyOf(p Param, rules valueRules) *property {
	value := &property{
		Type: schemaTypes[p.Type][0], Format: schemaTypes[p.Type][1],
		MinLength: p.MinLength, MaxLength: p.MaxLength, Pattern: p.Pattern,
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

// document writes the schema of a contract: an object whose properties stand in the contract's order.
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

// rulesDocument is the schema that values are validated with: the contract's without its enums. A validator compares a value
// with each of theirs, and so each item of an array; a set judges them instead.
func rulesDocument(params []parameter) (json.RawMessage, error) {
	list := members(params)
	for i, p := range params {
		p.rules.enum = nil
		list[i].schema = propertyOf(p.Param, p.rules)
	}
	return document(list)
}

// compileSchema makes the validator of a document. Its formats and bounds are this package's own.
func compileSchema(document json.RawMessage) (*jsonschema.Schema, error) {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	for _, format := range formats {
		compiler.RegisterFormat(format)
	}
	vocabulary, err := boundsVocabulary()
	if err != nil {
		return nil, err
	}
	compiler.RegisterVocabulary(vocabulary)
	compiler.AssertVocabs()
	const url = "urn:parameters"
	if err := compiler.AddResource(url, parsed); err != nil {
		return nil, err
	}
	return compiler.Compile(url)
}

var formats = []*jsonschema.Format{
	{Name: "int64", Validate: numberFormat(source.ParamInteger)},
	{Name: "decimal", Validate: numberFormat(source.ParamDecimal)},
	{Name: "date", Validate: textFormat(source.ParamDate)},
	{Name: "date-time", Validate: textFormat(source.ParamTimestamp)},
	{Name: "uuid", Validate: textFormat(source.ParamUUID)},
}

// textFormat validates strings with the function that also reads them for binding.
func textFormat(t source.ParamType) func(any) error {
	return func(v any) error {
		if text, ok := v.(string); ok {
			if _, ok := canonicalText(t, text); !ok {
				return errors.New(mustBe(t))
			}
		}
		return nil
	}
}

// numberFormat validates numbers with the function that also reads them for binding.
func numberFormat(t source.ParamType) func(any) error {
	return func(v any) error {
		if number, ok := v.(json.Number); ok {
			if _, problem := readScalar(t, literal{'0', string(number)}); problem != "" {
				return errors.New(problem)
			}
		}
		return nil
	}
}

// boundsVocabulary adds formatMinimum and formatMaximum: inclusive bounds of dates and timestamps, which JSON Schema
// itself cannot express. The names are those that other validators use for the same purpose.
var boundsVocabulary = sync.OnceValues(func() (*jsonschema.Vocabulary, error) {
	const url = "urn:parameters:bounds"
	compiler := jsonschema.NewCompiler()
	syntax := map[string]any{"properties": map[string]any{
		"formatMinimum": map[string]any{"type": "string"},
		"formatMaximum": map[string]any{"type": "string"},
	}}
	if err := compiler.AddResource(url, syntax); err != nil {
		return nil, err
	}
	schema, err := compiler.Compile(url)
	if err != nil {
		return nil, err
	}
	return &jsonschema.Vocabulary{URL: url, Schema: schema, Compile: compileBounds}, nil
})

func compileBounds(_ *jsonschema.CompilerContext, object map[string]any) (jsonschema.SchemaExt, error) {
	minimum, _ := object["formatMinimum"].(string)
	maximum, _ := object["formatMaximum"].(string)
	if minimum == "" && maximum == "" {
		return nil, nil
	}
	return bounds{minimum, maximum}, nil
}

// bounds is the compiled form of formatMinimum and formatMaximum; an empty one is no bound.
type bounds struct{ minimum, maximum string }

// Validate implements jsonschema.SchemaExt for values in canonical spelling.
func (b bounds) Validate(ctx *jsonschema.ValidatorContext, v any) {
	text, ok := v.(string)
	if !ok {
		return
	}
	if b.minimum != "" && compareTexts(text, b.minimum) < 0 {
		ctx.AddError(outOfBounds{"formatMinimum", b.minimum})
	}
	if b.maximum != "" && compareTexts(text, b.maximum) > 0 {
		ctx.AddError(outOfBounds{"formatMaximum", b.maximum})
	}
}

// outOfBounds is the error of the bounds vocabulary.
type outOfBounds struct{ keyword, bound string }

// KeywordPath implements jsonschema.ErrorKind.
func (e outOfBounds) KeywordPath() []string { return []string{e.keyword} }

// LocalizedString implements jsonschema.ErrorKind.
func (e outOfBounds) LocalizedString(*message.Printer) string { return e.sentence() }

func (e outOfBounds) sentence() string {
	side := "before"
	if strings.HasSuffix(e.keyword, "Maximum") {
		side = "after"
	}
	return fmt.Sprintf("must not be %s %s", side, e.bound)
}
