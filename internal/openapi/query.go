package openapi

import (
	"encoding/json"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// query is the operation that executes with the parameters in the URL; nil: the endpoint has none, since it answers with jobs,
// or since what it needs must not stand in a URL.
func (e *endpoint) query() *openapi3.Operation {
	if e.Mode == catalog.Async {
		return nil
	}
	sensitive := make(map[string]bool)
	for _, parameter := range e.Endpoint.Contract.Params() {
		sensitive[parameter.Name] = parameter.Sensitive
	}
	operation := e.operation("query", e.title())
	operation.Description = "The same with the parameters in the URL, for tools that can only read one. An array is written by repetition.\n\n" + e.describe()
	for _, parameter := range e.Parameters.Params {
		switch {
		case !sensitive[parameter.Name]:
			operation.Parameters = append(operation.Parameters, &openapi3.ParameterRef{Value: e.queryParameter(parameter.Name, parameter.Required)})
		case parameter.Required:
			return nil
		}
	}
	operation.Parameters = append(operation.Parameters, parameterRef("CsvFormulas"), parameterRef("Numbers"), parameterRef("CsvFor"),
		parameterRef("CsvLocale"), parameterRef("Revision"))
	operation.Responses.Set("200", &openapi3.ResponseRef{Value: e.resultAnswer()})
	if e.Limits.Cache > 0 {
		operation.Parameters = append(operation.Parameters, parameterRef("IfNoneMatch"))
		operation.Responses.Set("304", &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("The result is the one that you have.")})
	}
	if e.OnTimeout == catalog.Continue {
		operation.Responses.Set("202", &openapi3.ResponseRef{Ref: "#/components/responses/AcceptedJob"})
	}
	e.addErrors(operation, slices.DeleteFunc(slices.Clone(executeErrors), func(code dataapi.Code) bool {
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
	parameter := &openapi3.Parameter{Name: written, In: "query", Required: required, Schema: schema}
	if raw, ok := schema.Value.Extensions["description"].(json.RawMessage); ok {
		_ = json.Unmarshal(raw, &parameter.Description) // it is a string, as the contract wrote it
	}
	return parameter
}
