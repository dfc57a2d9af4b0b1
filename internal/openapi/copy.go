package openapi

import (
	"maps"
	"slices"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// read returns a function that returns a document as the text has it: read once, and copied for each that it becomes part of.
func read(text []byte) func() (*openapi3.T, error) {
	once := sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(text) })
	return func() (*openapi3.T, error) {
		shared, err := once()
		if err != nil {
			return nil, err
		}
		return copyOf(shared), nil
	}
}

// copyOf copies what is changed of a document on its way to a caller: its lists and maps, operations, and the header fields of answers.
// Schemas, parameters and bodies are the ones of all callers, and must stay as they are.
func copyOf(shared *openapi3.T) *openapi3.T {
	document, info, components := *shared, *shared.Info, *shared.Components
	document.Info, document.Components, document.Tags = &info, &components, slices.Clone(shared.Tags)
	components.Examples = make(openapi3.Examples)
	components.Schemas = maps.Clone(shared.Components.Schemas)
	components.Parameters = maps.Clone(shared.Components.Parameters)
	components.Responses = make(openapi3.ResponseBodies, len(shared.Components.Responses))
	for name, answer := range shared.Components.Responses {
		components.Responses[name] = copyOfAnswer(answer)
	}
	document.Paths = openapi3.NewPathsWithCapacity(shared.Paths.Len())
	for path, item := range shared.Paths.Map() {
		own := *item
		for method, operation := range item.Operations() {
			own.SetOperation(method, copyOfOperation(operation))
		}
		document.Paths.Set(path, &own)
	}
	return &document
}

func copyOfOperation(shared *openapi3.Operation) *openapi3.Operation {
	own := *shared
	own.Extensions = maps.Clone(shared.Extensions)
	own.Responses = openapi3.NewResponsesWithCapacity(shared.Responses.Len())
	for status, answer := range shared.Responses.Map() {
		own.Responses.Set(status, copyOfAnswer(answer))
	}
	return &own
}

// copyOfAnswer copies an answer, or a reference to one, which is without the answer then.
func copyOfAnswer(shared *openapi3.ResponseRef) *openapi3.ResponseRef {
	if shared.Ref != "" {
		return &openapi3.ResponseRef{Ref: shared.Ref}
	}
	own := *shared.Value
	own.Headers = maps.Clone(own.Headers)
	return &openapi3.ResponseRef{Value: &own}
}
