package openapi

import (
	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// jobSchema is the schema of a job's document with its result.
func (e *endpoint) jobSchema() *openapi3.Schema {
	state := e.Components.Schemas["JobState"].Value
	job := *state
	job.Description = "A job. Its result is null until it has completed."
	job.Properties = make(openapi3.Schemas, len(state.Properties))
	for name, property := range state.Properties {
		if property.Ref != "" {
			property = &openapi3.SchemaRef{Ref: property.Ref}
		}
		job.Properties[name] = property
	}
	job.Properties["result"] = inline(&openapi3.Schema{
		OneOf: openapi3.SchemaRefs{e.schema("JobContent"), inline(&openapi3.Schema{Type: types("null")})},
	})
	return &job
}

var jobErrors = []dataapi.Code{
	dataapi.CodeUnauthenticated, dataapi.CodeForbidden, dataapi.CodeEndpointNotFound, dataapi.CodeJobNotFound, dataapi.CodeInternal,
	dataapi.CodeOverloaded,
}

// jobAnswer is a 200 with JSON of this schema.
func (e *endpoint) jobAnswer(description string, schema *openapi3.SchemaRef, headers ...string) *openapi3.Response {
	answer := &openapi3.Response{
		Description: &description, Headers: openapi3.Headers{"X-Request-Id": headerRef("RequestId")},
		Content: openapi3.Content{"application/json": openapi3.NewMediaType().WithSchemaRef(schema)},
	}
	for i := 0; i+1 < len(headers); i += 2 {
		answer.Headers[headers[i]] = headerRef(headers[i+1])
	}
	return answer
}

func (e *endpoint) listJobs() *openapi3.Operation {
	operation := e.operation("listJobsOf", "List the jobs of "+e.title())
	operation.Description = "The jobs that your company has asked for, newest first, without results."
	operation.Parameters = openapi3.Parameters{
		{Value: &openapi3.Parameter{Name: "status", In: "query", Description: "Only jobs of this status.", Schema: schemaRef("JobStatus")}},
		{Value: &openapi3.Parameter{Name: "limit", In: "query", Description: "Jobs of a page.", Schema: inline(&openapi3.Schema{
			Type: types("integer"), Min: new(1.0), Max: new(200.0), Default: 50,
		})}},
		parameterRef("Cursor"),
	}
	operation.Responses.Set("200", &openapi3.ResponseRef{Value: e.jobAnswer("A page of jobs.", schemaRef("JobList"), "Link", "NextPage")})
	e.addErrors(operation, append([]dataapi.Code{dataapi.CodeInvalidRequest, dataapi.CodeNotAcceptable}, jobErrors...)...)
	return operation
}

func (e *endpoint) getJob() *openapi3.Operation {
	operation := e.operation("getJobOf", "Poll a job of "+e.title())
	operation.Description = "With `Accept: text/event-stream` the answer is a stream of events: `progress` every second, then `end`, or " +
		"`reconnect` when the stream has to be opened again. Their data is the job without its result."
	operation.Parameters = openapi3.Parameters{parameterRef("PreferWait")}
	answer := e.jobAnswer("The job, and its result when it has completed.", e.schema("Job"),
		"Retry-After", "RetryAfter", "Preference-Applied", "PreferenceApplied")
	answer.Content["text/event-stream"] = openapi3.NewMediaType().WithSchema(&openapi3.Schema{Type: types("string")})
	operation.Responses.Set("200", &openapi3.ResponseRef{Value: answer})
	e.addErrors(operation, append([]dataapi.Code{dataapi.CodeNotAcceptable}, jobErrors...)...)
	return operation
}

func (e *endpoint) cancelJob() *openapi3.Operation {
	operation := e.operation("cancelJobOf", "Cancel a job of "+e.title())
	operation.Description = "A job that has ended stays as it is; its `status` tells."
	operation.Responses.Set("200", &openapi3.ResponseRef{Value: e.jobAnswer("The job as it stands now.", schemaRef("JobState"))})
	e.addErrors(operation, jobErrors...)
	return operation
}

func (e *endpoint) getResult() *openapi3.Operation {
	operation := e.operation("getResultOf", "Get the result of a job of "+e.title())
	operation.Description = "The whole result, a range of its bytes, or with `limit` or `cursor` a page of its rows."
	operation.Parameters = openapi3.Parameters{
		{Value: &openapi3.Parameter{Name: "limit", In: "query", Description: "Rows of a page; beside a cursor, 1000 by default.",
			Schema: inline(&openapi3.Schema{Type: types("integer"), Min: new(1.0), Max: new(10000.0)})}},
		parameterRef("Cursor"), parameterRef("Range"), parameterRef("IfRange"), parameterRef("IfNoneMatch"),
	}
	e.addSchema("ResultPage", e.pageSchema())
	answer := e.jobAnswer("The result.", e.schema("ResultPage"), "ETag", "ETag", "Accept-Ranges", "AcceptRanges", "Link", "NextPage")
	answer.Content = e.resultContent(e.Kept, e.schema("ResultPage"), e.sampleResult(false))
	operation.Responses.Set("200", &openapi3.ResponseRef{Value: answer})
	part := e.jobAnswer("A range of the result's bytes.", inline(&openapi3.Schema{Type: types("string")}), "ETag", "ETag")
	operation.Responses.Set("206", &openapi3.ResponseRef{Value: part})
	operation.Responses.Set("304", &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("The result is the one that you have.")})
	e.addErrors(operation, append([]dataapi.Code{
		dataapi.CodeInvalidRequest, dataapi.CodeNotAcceptable, dataapi.CodeJobNotCompleted, dataapi.CodePreconditionFailed,
		dataapi.CodeRangeNotSatisfiable,
	}, jobErrors...)...)
	return operation
}

// pageSchema is the schema of a result, or of a page of it, which says where it is.
func (e *endpoint) pageSchema() *openapi3.Schema {
	page := e.resultSchema(false)
	page.Description = "A result. The last three fields are those of a page."
	page.Properties["offset"] = inline(&openapi3.Schema{Type: types("integer"), Description: "Rows before the page."})
	page.Properties["total_row_count"] = inline(&openapi3.Schema{Type: types("integer"), Description: "Rows of the whole result."})
	page.Properties["next_cursor"] = inline(&openapi3.Schema{Type: types("string", "null"), Description: "Null on the last page."})
	return page
}

// callback describes the request that announces the end of a job.
func (e *endpoint) callback() *openapi3.Callback {
	operation := e.operation("announceJobOf", "A job of "+e.title()+" has ended")
	operation.Description = "The job, signed after [Standard Webhooks](https://www.standardwebhooks.com). It is sent at least once: what was " +
		"seen before has a `webhook-id` that was seen before. A result that is too large is left out, with `result_omitted` true."
	operation.Security = &openapi3.SecurityRequirements{}
	for _, header := range [][2]string{
		{"webhook-id", "Of this announcement, the same in each attempt."},
		{"webhook-timestamp", "Of this attempt, in seconds since 1970."},
		{"webhook-signature", "One or more signatures, each as `v1,` and the Base64 of an HMAC-SHA256."},
	} {
		operation.Parameters = append(operation.Parameters, &openapi3.ParameterRef{Value: &openapi3.Parameter{
			Name: header[0], In: "header", Required: true, Description: header[1], Schema: inline(&openapi3.Schema{Type: types("string")}),
		}})
	}
	operation.RequestBody = &openapi3.RequestBodyRef{Value: &openapi3.RequestBody{
		Required: true, Content: openapi3.Content{"application/json": openapi3.NewMediaType().WithSchemaRef(e.schema("Job"))},
	}}
	operation.Responses.Set("2XX", &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("You have it.")})
	operation.Responses.Set("410", &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("Do not try again.")})
	operation.Responses.Set("default", &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("Try again later.")})
	callback := openapi3.NewCallback()
	callback.Set("{$request.body#/callback_url}", &openapi3.PathItem{Post: operation})
	return callback
}
