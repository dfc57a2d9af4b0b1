package openapi

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// query is the operation that executes with the parameters in the URL; nil: the endpoint has none, since it answers with jobs,
// or since what it needs must not be in a URL.
func (e *endpoint) query() *openapi3.Operation {
	if e.Mode == catalog.Async {
		return nil
	}
	sensitive := make(map[string]bool)
	for _, parameter := range e.Endpoint.Contract.Params() {
		sensitive[parameter.Name] = parameter.Sensitive
	}
	operation := e.operation("query", e.title())
	for _, parameter := range e.Parameters.Params {
		switch {
		case !sensitive[parameter.Name]:
			operation.Parameters = append(operation.Parameters, &openapi3.ParameterRef{Value: e.queryParameter(parameter.Name, parameter.Required)})
		case parameter.Required:
			return nil
		}
	}
	e.addResult(operation)
	if e.OnTimeout == catalog.Continue {
		operation.Responses.Set("202", responseRef("AcceptedJob"))
	}
	e.addRefusals(operation, "Query", slices.DeleteFunc(slices.Clone(executeErrors), func(code dataapi.Code) bool {
		return code == dataapi.CodeRequestTooLarge || code == dataapi.CodeUnsupportedMediaType // there is no body
	})...)
	return operation
}

// queryParameter is a parameter of the endpoint as a URL has it.
func (e *endpoint) queryParameter(name string, required bool) *openapi3.Parameter {
	schema := e.Components.Schemas[e.name+"Parameters"].Value.Properties[name]
	written := name
	if slices.Contains(e.Reserved, name) {
		written = "p." + name
	}
	parameter := &openapi3.Parameter{Name: written, In: "query", Required: required, Schema: inline(inURL(schema.Value, required))}
	if raw, ok := schema.Value.Extensions["description"].(json.RawMessage); ok {
		_ = json.Unmarshal(raw, &parameter.Description) // it is a string, as the contract wrote it
	}
	return parameter
}

// inURL is the schema of a parameter that is given: a URL has no null. The parameter itself has its description.
func inURL(schema *openapi3.Schema, required bool) *openapi3.Schema {
	keywords := maps.Clone(schema.Extensions)
	delete(keywords, "description")
	if required {
		return &openapi3.Schema{Extensions: keywords}
	}
	if both, ok := keywords["type"].([]any); ok {
		keywords["type"] = both[0]
	}
	switch values := keywords["enum"].(type) {
	case []any: // the one value that there is
		delete(keywords, "enum")
		keywords["const"] = values[0]
	case []json.RawMessage:
		keywords["enum"] = values[:len(values)-1]
	}
	return &openapi3.Schema{Extensions: keywords}
}
