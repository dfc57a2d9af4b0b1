package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// fixedErrors is the field of base.yaml that lists the codes of an operation.
const fixedErrors = "x-errors"

func (d *document) addFixedErrors(operation *openapi3.Operation) {
	listed, _ := operation.Extensions[fixedErrors].([]any)
	var codes []dataapi.Code
	for _, code := range listed {
		codes = append(codes, dataapi.Code(code.(string)))
	}
	delete(operation.Extensions, fixedErrors)
	d.addErrors(operation, codes...)
}

// addErrors says what an operation answers with when it fails: these codes by their status, and by default the whole
// catalogue, since any of it may come from what is in front of the operation.
func (d *document) addErrors(operation *openapi3.Operation, codes ...dataapi.Code) {
	byStatus := make(map[int][]dataapi.Definition)
	for _, definition := range dataapi.Catalogue() {
		if slices.Contains(codes, definition.Code) {
			byStatus[definition.Status] = append(byStatus[definition.Status], definition)
		}
	}
	for status, definitions := range byStatus {
		var name, description []string
		for _, definition := range definitions {
			name = append(name, inWords(definition.Code))
			description = append(description, definition.Title+" (`"+string(definition.Code)+"`)")
		}
		answer := d.problemResponse(strings.Join(name, "Or"), strings.Join(description, ", ")+".", definitions)
		operation.Responses.Set(strconv.Itoa(status), answer)
	}
	operation.Responses.Set("default", d.problemResponse("AnyError", "Any error that this API answers with.", dataapi.Catalogue()))
}

// inWords is a code as names have it: RateLimited.
func inWords(code dataapi.Code) string { return pascal(strings.ToLower(string(code))) }

// addRefusals says what an operation on an endpoint answers with when it fails, in two answers that all operations of a kind share: a
// document of many endpoints would consist of them otherwise.
func (d *document) addRefusals(operation *openapi3.Operation, kind string, codes ...dataapi.Code) {
	refused, failed := kind+"Refused", kind+"Failed"
	if _, known := d.Components.Responses[refused]; !known {
		d.describeRefusals(refused, codes, func(status int) bool { return status < http.StatusInternalServerError })
		d.describeRefusals(failed, codes, func(status int) bool { return status >= http.StatusInternalServerError })
	}
	operation.Responses.Set("4XX", responseRef(refused))
	operation.Responses.Set("5XX", responseRef(failed))
}

// describeRefusals makes an answer of those of the codes that have such a status.
func (d *document) describeRefusals(name string, codes []dataapi.Code, has func(status int) bool) {
	definitions := slices.DeleteFunc(dataapi.Catalogue(), func(definition dataapi.Definition) bool {
		return !slices.Contains(codes, definition.Code) || !has(definition.Status)
	})
	d.problemResponse(name, described(definitions), definitions)
}

// described lists errors with their statuses.
func described(definitions []dataapi.Definition) string {
	parts := make([]string, len(definitions))
	for i, definition := range definitions {
		parts[i] = fmt.Sprintf("%d: %s (`%s`)", definition.Status, definition.Title, definition.Code)
	}
	return strings.Join(parts, ", ") + "."
}

// problemResponse refers to the component that shows an example of each of the errors.
func (d *document) problemResponse(name, description string, definitions []dataapi.Definition) *openapi3.ResponseRef {
	if _, ok := d.Components.Responses[name]; !ok {
		d.Components.Responses[name] = &openapi3.ResponseRef{Value: d.problemAnswer(definitions, description)}
	}
	return responseRef(name)
}

func (d *document) problemAnswer(definitions []dataapi.Definition, description string) *openapi3.Response {
	examples := make(openapi3.Examples)
	headers := openapi3.Headers{ // what was known of the endpoint when the call was refused is there, too
		"X-Request-Id": headerRef("RequestId"), "Vary": headerRef("Vary"), "X-Data-Api-Revision": headerRef("Revision"),
		"Deprecation": headerRef("Deprecation"), "Sunset": headerRef("Sunset"),
	}
	for _, definition := range definitions {
		examples[string(definition.Code)] = d.problemExample(definition)
		switch definition.Status {
		case http.StatusUnauthorized:
			headers["WWW-Authenticate"] = headerRef("WWWAuthenticate")
		case http.StatusMethodNotAllowed:
			headers["Allow"] = headerRef("Allow")
		case http.StatusRequestedRangeNotSatisfiable:
			headers["Content-Range"] = headerRef("ContentRange")
		case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusConflict:
			headers["Retry-After"] = headerRef("RetryAfter")
			if definition.Status == http.StatusTooManyRequests {
				headers["RateLimit"], headers["RateLimit-Policy"] = headerRef("RateLimit"), headerRef("RateLimitPolicy")
			}
		}
	}
	media := openapi3.NewMediaType().WithSchemaRef(schemaRef("Problem"))
	media.Examples = examples
	return &openapi3.Response{
		Description: &description, Headers: headers, Content: openapi3.Content{"application/problem+json": media},
	}
}

// problemExample refers to the component that is the error's example, whichever answers show it.
func (d *document) problemExample(definition dataapi.Definition) *openapi3.ExampleRef {
	name := inWords(definition.Code)
	if _, ok := d.Components.Examples[name]; !ok {
		d.Components.Examples[name] = &openapi3.ExampleRef{Value: &openapi3.Example{Summary: definition.Title, Value: problemOf(definition)}}
	}
	return &openapi3.ExampleRef{Ref: "#/components/examples/" + name}
}

// problemOf is a problem document as a caller gets it.
func problemOf(definition dataapi.Definition) map[string]any {
	example := map[string]any{
		"type": definition.Code.URN(), "title": definition.Title, "status": definition.Status,
		"detail": definition.Detail, "code": definition.Code,
	}
	fault := map[string]any{"parameter": "regiao", "code": definition.Code}
	switch definition.Code {
	case dataapi.CodeInvalidParameter:
		fault["detail"] = `must be a string; got 1`
	case dataapi.CodeParameterNotAllowed:
		fault["detail"] = `allowed for you are "Sul", "Sudeste"; got "Norte"`
	default:
		return example
	}
	example["errors"] = []any{fault}
	return example
}
