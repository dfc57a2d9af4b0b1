package openapi

import (
	"cmp"
	"encoding/json"
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
}

// addEndpoint adds the operations of an endpoint, and the schemas that they refer to.
func (d *document) addEndpoint(caller identity.Principal, offer execution.Offer) error {
	e := &endpoint{
		document: d, Offer: offer, caller: caller, name: nameOf(offer.Namespace, offer.Slug),
	}
	parameters, err := parametersSchema(offer.Parameters.Schema)
	if err != nil {
		return err
	}
	e.addSchema("Parameters", parameters)
	e.addSchema("Row", rowSchema(offer))
	e.addSchema("Result", e.resultSchema(true))
	d.Paths.Set(offer.URLPath()+"/execute", &openapi3.PathItem{Post: e.execute(), Get: e.query()})
	if offer.MayGetJob {
		e.addSchema("JobContent", e.resultSchema(false))
		e.addSchema("Job", e.jobSchema())
		d.Paths.Set(offer.URLPath()+"/jobs", &openapi3.PathItem{Get: e.listJobs()})
		d.Paths.Set(offer.URLPath()+"/jobs/{job_id}/result", e.jobItem(&openapi3.PathItem{Get: e.getResult()}))
	}
	if offer.MayGetJob || offer.MayCancelJob {
		item := e.jobItem(new(openapi3.PathItem))
		if offer.MayGetJob {
			item.Get = e.getJob()
		}
		if offer.MayCancelJob {
			item.Delete = e.cancelJob()
		}
		d.Paths.Set(offer.URLPath()+"/jobs/{job_id}", item)
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
		OperationID: verb + e.name, Summary: summary, Tags: []string{tagOf(e.Offer)},
		Deprecated: !e.Deprecated.IsZero() || !e.Sunset.IsZero(), Responses: openapi3.NewResponsesWithCapacity(12),
	}
}

func (e *endpoint) execute() *openapi3.Operation {
	operation := e.operation("execute", e.title())
	operation.Description = e.describe()
	operation.Parameters = openapi3.Parameters{parameterRef("Prefer"), parameterRef("IdempotencyKey"), parameterRef("CsvFormulas"),
		parameterRef("Numbers"), parameterRef("CsvFor"), parameterRef("CsvLocale"),
		parameterRef("Revision")}
	operation.RequestBody = &openapi3.RequestBodyRef{Value: e.requestBody()}
	operation.Responses.Set("200", &openapi3.ResponseRef{Value: e.resultAnswer()})
	if e.Limits.Cache > 0 {
		operation.Parameters = append(operation.Parameters, parameterRef("IfNoneMatch"))
		operation.Responses.Set("304", &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("The result is the one that you have.")})
	}
	if e.Mode == catalog.Async || e.OnTimeout == catalog.Continue {
		operation.Responses.Set("202", &openapi3.ResponseRef{Ref: "#/components/responses/AcceptedJob"})
	} else { // so that programs that are generated need not tell two kinds of answers apart, of which they will see one
		operation.Extensions = map[string]any{"x-with-prefer": map[string]any{"202": map[string]string{"$ref": "#/components/responses/AcceptedJob"}}}
	}
	e.addErrors(operation, executeErrors...)
	if e.MayGetJob {
		operation.Callbacks = openapi3.Callbacks{"jobEnded": &openapi3.CallbackRef{Value: e.callback()}}
	}
	return operation
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
		add("The answer is the result (200) within %s. With `Prefer: respond-async`, and with `Prefer: wait=N` when it is not there in time, it is "+
			"a job (202), as in `x-with-prefer`.", e.Limits.Timeout)
	}
	add("At most %d rows. `Accept` chooses the format; so does a suffix of the path, such as `/execute.csv`. With `?rows_as=arrays` the "+
		"rows of JSON are arrays in the order of the columns, which the schema here does not describe.", e.Limits.MaxRows)
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
		schema.Properties["callback_url"] = inline(&openapi3.Schema{
			Type: types("string"), Format: "uri", Description: "Where the end of the job is announced; only when the call is a job.",
		})
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
		"X-Data-Api-Max-Rows": headerRef("MaxRows"), "X-Data-Api-Row-Count": headerRef("RowCount"), "X-Data-Api-Truncated": headerRef("Truncated"),
	}
	if e.Limits.Cache > 0 {
		headers["ETag"], headers["Age"], headers["Cache-Status"] = headerRef("ETag"), headerRef("Age"), headerRef("CacheStatus")
		headers["Cache-Control"] = headerRef("CacheControl")
	}
	if !e.Deprecated.IsZero() {
		headers["Deprecation"] = headerRef("Deprecation")
	}
	if !e.Sunset.IsZero() {
		headers["Sunset"] = headerRef("Sunset")
	}
	return &openapi3.Response{
		Description: new("The result."), Headers: headers,
		Content: e.resultContent(e.Formats, e.schema("Result"), e.sampleResult(true)),
	}
}

// resultContent is a result in each format. Its schema is as exact as the format lets it be.
func (e *endpoint) resultContent(formats []*result.Format, schema *openapi3.SchemaRef, sample map[string]any) openapi3.Content {
	content := make(openapi3.Content)
	for _, format := range formats {
		media := openapi3.NewMediaType()
		switch format.Schema {
		case result.SchemaResult:
			media.Schema = schema
			if sample != nil {
				media.Example = sample
			}
		case result.SchemaBinary:
			media.Schema = inline(&openapi3.Schema{Type: types("string"), Format: "binary"})
		default:
			media.Schema = inline(&openapi3.Schema{Type: types("string")})
		}
		content[format.MediaType] = media
	}
	return content
}

// resultSchema is the schema of a result; whole is that of an answer, which says two things more than the one in a job.
func (e *endpoint) resultSchema(whole bool) *openapi3.Schema {
	columns := &openapi3.Schema{Type: types("array"), Items: schemaRef("Column")}
	schema := &openapi3.Schema{
		Type: types("object"),
		Properties: openapi3.Schemas{
			"columns":   inline(columns),
			"rows":      inline(&openapi3.Schema{Type: types("array"), Items: e.schema("Row")}),
			"row_count": inline(&openapi3.Schema{Type: types("integer")}),
			"truncated": inline(&openapi3.Schema{Type: types("boolean"), Description: "There are more rows than the endpoint may give."}),
		},
		Required: []string{"columns", "rows", "row_count", "truncated"},
	}
	if whole {
		schema.Properties["max_rows"] = inline(&openapi3.Schema{Type: types("integer")})
		schema.Properties["executed_at"] = inline(&openapi3.Schema{Type: types("string"), Format: "date-time"})
		schema.Required = append(schema.Required, "max_rows", "executed_at")
	}
	return schema
}

// sampleResult is a result of one made-up row; nil while the columns are not known.
func (e *endpoint) sampleResult(whole bool) map[string]any {
	if e.Columns == nil {
		return nil
	}
	columns, row := []any{}, make(map[string]json.RawMessage)
	for _, column := range e.Columns {
		columns = append(columns, map[string]any{"name": column.Name, "type": column.Type})
		row[column.Name] = sampleValue(column.Type)
	}
	sample := map[string]any{"columns": columns, "rows": []any{row}, "row_count": 1, "truncated": false}
	if whole {
		sample["max_rows"], sample["executed_at"] = e.Limits.MaxRows, "2026-04-11T10:30:00Z"
	}
	return sample
}

// jobItem adds what the operations on one job have in common.
func (e *endpoint) jobItem(item *openapi3.PathItem) *openapi3.PathItem {
	item.Parameters = openapi3.Parameters{parameterRef("JobId")}
	return item
}
