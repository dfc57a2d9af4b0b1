package openapi

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// endpoint is what is being written of one.
type endpoint struct {
	*document
	execution.Offer
	caller identity.Principal
	name   string // of its schemas and operations, such as DefaultVendasPorRegiao
	path   string
	tag    string
}

// addEndpoint adds the operations of an endpoint, and the schemas that they refer to.
func (d *document) addEndpoint(caller identity.Principal, offer execution.Offer) error {
	e := &endpoint{
		document: d, Offer: offer, caller: caller, name: nameOf(offer.Namespace, offer.Slug), path: offer.URLPath(), tag: tagOf(offer),
	}
	parameters, err := parametersSchema(offer.Parameters.Schema)
	if err != nil {
		return err
	}
	e.addSchema("Parameters", parameters)
	e.addSchema("Row", rowSchema(offer))
	e.addSchema("Result", e.resultSchema("ResultHead"))
	e.Components.Responses[e.name+"Result"] = &openapi3.ResponseRef{Value: e.resultAnswer()}
	d.Paths.Set(e.path+"/execute", &openapi3.PathItem{Parameters: e.resultParameters(), Post: e.execute(), Get: e.query()})
	if offer.MayMakeLink {
		d.Paths.Set(e.path+"/links", &openapi3.PathItem{Post: e.makeLink(), Get: e.listLinks()})
		d.Paths.Set(e.path+"/links/{link_id}", e.linkItem())
	}
	if e.answersWithJobs() {
		e.addJobOperations()
	} else {
		d.sharedJobs.MayGetJob = d.sharedJobs.MayGetJob || offer.MayGetJob
		d.sharedJobs.MayCancelJob = d.sharedJobs.MayCancelJob || offer.MayCancelJob
	}
	return nil
}

func (e *endpoint) addSchema(kind string, schema *openapi3.Schema) {
	e.Components.Schemas[e.name+kind] = inline(schema)
}

func (e *endpoint) schema(kind string) *openapi3.SchemaRef { return schemaRef(e.name + kind) }

// title is what the endpoint is called.
func (e *endpoint) title() string { return cmp.Or(e.Title, e.Path()) }

// operation begins an operation on the endpoint.
func (e *endpoint) operation(verb, summary string) *openapi3.Operation {
	return &openapi3.Operation{
		OperationID: verb + e.name, Summary: summary, Tags: []string{e.tag},
		Deprecated: !e.Deprecated.IsZero() || !e.Sunset.IsZero(), Responses: openapi3.NewResponsesWithCapacity(12),
	}
}

func (e *endpoint) execute() *openapi3.Operation {
	operation := e.operation("execute", e.title())
	operation.Description = e.describe()
	operation.Parameters = openapi3.Parameters{parameterRef("Prefer"), parameterRef("IdempotencyKey")}
	operation.RequestBody = &openapi3.RequestBodyRef{Value: e.requestBody()}
	// Where Prefer alone makes the other kind of answer, that is in an extension: programs that are generated need not tell two kinds
	// apart, of which they will see one.
	switch {
	case e.Mode == catalog.Async:
		operation.Responses.Set("202", responseRef("AcceptedJob"))
		operation.Extensions = withPrefer("200", e.name+"Result")
	case e.OnTimeout == catalog.Continue:
		e.addResult(operation)
		operation.Responses.Set("202", responseRef("AcceptedJob"))
	default:
		e.addResult(operation)
		operation.Extensions = withPrefer("202", "AcceptedJob")
	}
	e.addRefusals(operation, "Execution", executeErrors...)
	if e.MayGetJob {
		operation.Callbacks = openapi3.Callbacks{"jobEnded": &openapi3.CallbackRef{Ref: "#/components/callbacks/JobEnded"}}
	}
	return operation
}

// withPrefer is the extension of an operation that says what Prefer makes of a call.
func withPrefer(status, response string) map[string]any {
	return map[string]any{"x-with-prefer": map[string]any{status: responseRef(response)}}
}

// resultParameters are those that POST and GET of an endpoint have in common.
func (e *endpoint) resultParameters() openapi3.Parameters {
	parameters := openapi3.Parameters{
		parameterRef("CsvFormulas"), parameterRef("Numbers"), parameterRef("CsvFor"), parameterRef("CsvLocale"), parameterRef("Revision"),
	}
	if e.Limits.Cache > 0 {
		parameters = append(parameters, parameterRef("IfNoneMatch"))
	}
	return parameters
}

// addResult says that an operation answers with the endpoint's result.
func (e *endpoint) addResult(operation *openapi3.Operation) {
	operation.Responses.Set("200", responseRef(e.name+"Result"))
	if e.Limits.Cache > 0 {
		operation.Responses.Set("304", responseRef("NotModified"))
	}
}

var executeErrors = []dataapi.Code{
	dataapi.CodeInvalidRequest, dataapi.CodeUnauthenticated, dataapi.CodeForbidden, dataapi.CodeEndpointNotFound, dataapi.CodeRevisionNotFound,
	dataapi.CodeNotAcceptable, dataapi.CodeExecutionTimeout, dataapi.CodeIdempotencyConflict, dataapi.CodeJobNotCompleted,
	dataapi.CodeRequestTooLarge, dataapi.CodeUnsupportedMediaType, dataapi.CodeInvalidParameter, dataapi.CodeParameterNotAllowed,
	dataapi.CodeValueRefused, dataapi.CodeIdempotencyKeyReused, dataapi.CodeRateLimited, dataapi.CodeQuotaExceeded,
	dataapi.CodeInternal, dataapi.CodeOverloaded, dataapi.CodeSourceUnavailable, dataapi.CodeExecutionInterrupted,
}

// describe is the author's description, which is Markdown, and what the server adds to it.
func (e *endpoint) describe() string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if e.Description != "" {
		add("%s", e.Description)
	}
	switch {
	case e.Mode == catalog.Async:
		add("The answer is a job (202), which runs for at most %s.", e.Limits.JobTimeout)
	case e.OnTimeout == catalog.Continue:
		add("The answer is the result (200), or after %s a job (202), which runs for at most %s.", e.Limits.Timeout, e.Limits.JobTimeout)
	default:
		add("The answer is the result (200) within %s.", e.Limits.Timeout)
	}
	add("At most %d rows.", e.Limits.MaxRows)
	if e.Limits.Cache > 0 {
		add("A result is given again for %s.", e.Limits.Cache)
	}
	if e.Rate.Limits() {
		add("At most %d calls in %s with one key.", e.Rate.Count, e.Rate.Period)
	}
	if e.Foreign(e.caller.Company.Slug) {
		add("Shared with you by `%s`.", e.Company)
	}
	if !e.Deprecated.IsZero() {
		add("Deprecated from %s.", e.Deprecated.Format(time.DateOnly))
	}
	if !e.Sunset.IsZero() {
		add("Expected to go on %s.", e.Sunset.Format(time.DateOnly))
	}
	return strings.Join(parts, "\n\n")
}

func (e *endpoint) requestBody() *openapi3.RequestBody {
	schema := &openapi3.Schema{
		Type: types("object"), Properties: openapi3.Schemas{"parameter_values": e.schema("Parameters")},
		AdditionalProperties: openapi3.AdditionalProperties{Has: new(false)},
	}
	required := false
	for _, parameter := range e.Parameters.Params {
		required = required || parameter.Required
	}
	if required {
		schema.Required = []string{"parameter_values"}
	}
	if e.MayGetJob {
		schema.Properties["callback_url"] = schemaRef("CallbackURL")
	}
	e.addSchema("Request", schema)
	media := openapi3.NewMediaType().WithSchemaRef(e.schema("Request"))
	if e.Parameters.Example != nil {
		media.Example = map[string]any{"parameter_values": e.Parameters.Example}
	}
	return &openapi3.RequestBody{Required: required, Content: openapi3.Content{"application/json": media}}
}

// resultAnswer is a 200 with the result.
func (e *endpoint) resultAnswer() *openapi3.Response {
	headers := openapi3.Headers{
		"X-Request-Id": headerRef("RequestId"), "X-Data-Api-Revision": headerRef("Revision"),
		"Preference-Applied": headerRef("PreferenceApplied"), "Idempotent-Replayed": headerRef("IdempotentReplayed"),
		"RateLimit": headerRef("RateLimit"), "RateLimit-Policy": headerRef("RateLimitPolicy"),
		"Vary": headerRef("Vary"), "Content-Disposition": headerRef("ContentDisposition"),
		"X-Data-Api-Max-Rows": headerRef("MaxRows"), "X-Data-Api-Row-Count": headerRef("RowCount"), "X-Data-Api-Truncated": headerRef("Truncated"),
	}
	if e.Limits.Cache > 0 {
		headers["ETag"], headers["Age"], headers["Cache-Status"] = headerRef("ETag"), headerRef("Age"), headerRef("CacheStatus")
	}
	if !e.Deprecated.IsZero() {
		headers["Deprecation"] = headerRef("Deprecation")
	}
	if !e.Sunset.IsZero() {
		headers["Sunset"] = headerRef("Sunset")
	}
	return &openapi3.Response{
		Description: new("The result."), Headers: headers,
		Content: e.resultContent(e.Formats, e.schema("Result")),
	}
}

// resultContent is a result in each format. Its schema is as exact as the format lets it be.
func (e *endpoint) resultContent(formats []*result.Format, schema *openapi3.SchemaRef) openapi3.Content {
	content := make(openapi3.Content)
	for _, format := range formats {
		media := openapi3.NewMediaType()
		switch format.Schema {
		case result.SchemaResult:
			media.Schema = schema
		case result.SchemaBinary:
			media.Schema = inline(&openapi3.Schema{Type: types("string"), Format: "binary"})
		default:
			media.Schema = inline(&openapi3.Schema{Type: types("string")})
		}
		content[format.MediaType] = media
	}
	return content
}

// resultSchema is the schema of a result, of which a component that all endpoints share has everything but the rows.
func (e *endpoint) resultSchema(head string) *openapi3.Schema {
	return &openapi3.Schema{
		Type: types("object"), AllOf: openapi3.SchemaRefs{schemaRef(head)},
		Properties: openapi3.Schemas{"rows": inline(&openapi3.Schema{Type: types("array"), Items: e.schema("Row")})},
		Required:   []string{"rows"},
	}
}
