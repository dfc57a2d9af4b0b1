package openapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/source"
)

func schemaRef(name string) *openapi3.SchemaRef {
	return &openapi3.SchemaRef{Ref: "#/components/schemas/" + name}
}

func responseRef(name string) *openapi3.ResponseRef {
	return &openapi3.ResponseRef{Ref: "#/components/responses/" + name}
}

func headerRef(name string) *openapi3.HeaderRef {
	return &openapi3.HeaderRef{Ref: "#/components/headers/" + name}
}

func parameterRef(name string) *openapi3.ParameterRef {
	return &openapi3.ParameterRef{Ref: "#/components/parameters/" + name}
}

func inline(schema *openapi3.Schema) *openapi3.SchemaRef { return &openapi3.SchemaRef{Value: schema} }

func types(names ...string) *openapi3.Types { return (*openapi3.Types)(&names) }

// verbatim passes a JSON Schema on as it is written. The library's own fields hold numbers as 64-bit floats, in which a
// bound such as 9007199254740993 would become another one.
func verbatim(schema json.RawMessage) (*openapi3.Schema, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(schema, &raw); err != nil {
		return nil, err
	}
	kept := make(map[string]any, len(raw))
	for keyword, value := range raw {
		kept[keyword] = value
	}
	return &openapi3.Schema{Extensions: kept}, nil
}

// parametersSchema is the schema of parameter_values.
func parametersSchema(narrowed json.RawMessage) (*openapi3.Schema, error) {
	var object struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	if err := json.Unmarshal(narrowed, &object); err != nil {
		return nil, err
	}
	schema := &openapi3.Schema{
		Type: types("object"), Required: object.Required, Properties: make(openapi3.Schemas),
		AdditionalProperties: openapi3.AdditionalProperties{Has: new(false)},
	}
	for name, property := range object.Properties {
		passed, err := verbatim(property)
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", name, err)
		}
		boundsInWords(passed)
		withoutNUL(passed.Extensions)
		if !slices.Contains(object.Required, name) {
			orNull(passed.Extensions)
		}
		schema.Properties[name] = inline(passed)
	}
	return schema, nil
}

// orNull lets a parameter be null, which means the same as leaving it out.
func orNull(keywords map[string]any) {
	null := json.RawMessage("null")
	if _, never := keywords["not"]; never { // then it can be left out, and nothing else
		delete(keywords, "not")
		keywords["type"] = "null"
		return
	}
	keywords["type"] = []any{keywords["type"], "null"}
	if value, ok := keywords["const"]; ok {
		delete(keywords, "const")
		keywords["enum"] = []any{value, null}
		return
	}
	if raw, ok := keywords["enum"].(json.RawMessage); ok {
		var values []json.RawMessage
		_ = json.Unmarshal(raw, &values) // it is a list, as the contract wrote it
		keywords["enum"] = append(values, null)
	}
}

// noNUL matches the texts without the character that no database takes.
const noNUL = `^[^\x00]*$`

// withoutNUL refuses texts with the NUL character, of a parameter or of an array's items. Texts that are listed, or of a format, have none.
func withoutNUL(keywords map[string]any) {
	switch items := keywords["items"].(type) {
	case json.RawMessage:
		inner, err := verbatim(items)
		if err != nil {
			return // it is a schema, as the contract wrote it
		}
		withoutNUL(inner.Extensions)
		keywords["items"] = inner
	case *openapi3.Schema:
		withoutNUL(items.Extensions)
	}
	kind, _ := keywords["type"].(json.RawMessage)
	for _, keyword := range []string{"format", "enum", "const"} {
		if _, ok := keywords[keyword]; ok {
			return
		}
	}
	switch _, patterned := keywords["pattern"]; {
	case string(kind) != `"string"`:
	case patterned:
		keywords["allOf"] = []any{map[string]any{"pattern": noNUL}}
	default:
		keywords["pattern"] = noNUL
	}
}

// boundsInWords says in the description, and in an extension, what bounds a date or a timestamp: JSON Schema has no keyword
// for it, and a document with a keyword of nobody's would not be OpenAPI.
func boundsInWords(schema *openapi3.Schema) {
	keywords := schema.Extensions
	lower, upper := moveKeyword(keywords, "formatMinimum"), moveKeyword(keywords, "formatMaximum")
	if items, ok := keywords["items"].(json.RawMessage); ok {
		if inner, err := verbatim(items); err == nil {
			boundsInWords(inner)
			keywords["items"] = inner
		}
	}
	var words string
	switch {
	case lower != "" && upper != "":
		words = "From " + lower + " to " + upper + "."
	case lower != "":
		words = "From " + lower + " on."
	case upper != "":
		words = "Up to " + upper + "."
	default:
		return
	}
	var description string
	if raw, ok := keywords["description"].(json.RawMessage); ok {
		_ = json.Unmarshal(raw, &description) // it is a string, as the contract wrote it
	}
	keywords["description"] = strings.TrimSpace(description + " " + words)
}

// moveKeyword renames a keyword to an extension and returns its text; empty: it is not there.
func moveKeyword(keywords map[string]any, name string) string {
	raw, ok := keywords[name].(json.RawMessage)
	if !ok {
		return ""
	}
	delete(keywords, name)
	keywords["x-"+name] = raw
	var text string
	_ = json.Unmarshal(raw, &text) // as above
	return text
}

// rowSchema is the schema of one row: of the columns as the database has described them, or any object while it has not.
func rowSchema(offer execution.Offer) *openapi3.Schema {
	if offer.Columns == nil {
		return &openapi3.Schema{
			Type: types("object"), Description: "The columns are not known yet: the database could not be asked.",
			AdditionalProperties: openapi3.AdditionalProperties{Has: new(true)},
		}
	}
	row := &openapi3.Schema{Type: types("object"), Properties: make(openapi3.Schemas)}
	for _, column := range offer.Columns {
		note := offer.Endpoint.Columns[column.Name]
		schema := ColumnSchema(column.Type, !note.NotNull)
		schema.Description = note.Description
		row.Properties[column.Name] = inline(schema)
		row.Required = append(row.Required, column.Name)
	}
	return row
}

// sqlTypes gives each SQL type its JSON type and its format.
var sqlTypes = map[source.Type][2]string{
	source.TypeVarchar:     {"string", ""},
	source.TypeDecimal:     {"number", "decimal"},
	source.TypeSmallInt:    {"integer", "int16"},
	source.TypeInteger:     {"integer", "int32"},
	source.TypeBigInt:      {"integer", "int64"},
	source.TypeReal:        {"number", "float"},
	source.TypeDouble:      {"number", "double"},
	source.TypeBoolean:     {"boolean", ""},
	source.TypeDate:        {"string", "date"},
	source.TypeTime:        {"string", ""},
	source.TypeTimestamp:   {"string", ""}, // it has no offset, as date-time must
	source.TypeTimestampTZ: {"string", "date-time"},
	source.TypeUUID:        {"string", "uuid"},
	source.TypeVarBinary:   {"string", ""},
	source.TypeInterval:    {"string", ""},
}

// ColumnSchema is the schema of a column's values. The caller may change it.
func ColumnSchema(sql source.Type, nullable bool) *openapi3.Schema {
	if element, ok := strings.CutPrefix(string(sql), "array<"); ok {
		items := inline(ColumnSchema(source.Type(strings.TrimSuffix(element, ">")), true))
		return &openapi3.Schema{Type: jsonTypes("array", nullable), Items: items}
	}
	known, ok := sqlTypes[sql]
	if !ok { // json, and what a source of a third party may call its own
		return &openapi3.Schema{}
	}
	schema := &openapi3.Schema{Type: jsonTypes(known[0], nullable), Format: known[1]}
	if sql == source.TypeVarBinary {
		schema.Pattern = `^\\x([0-9a-f]{2})*$`
	}
	return schema
}

func jsonTypes(name string, nullable bool) *openapi3.Types {
	if nullable {
		return types(name, "null")
	}
	return types(name)
}
