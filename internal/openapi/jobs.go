package openapi

import (
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// answersWithJobs says whether calls without Prefer become jobs.
func (e *endpoint) answersWithJobs() bool {
	return e.Mode == catalog.Async || e.OnTimeout == catalog.Continue
}

// addSharedJobs adds the operations on jobs of the endpoints whose calls answer with results. They have jobs only where a call has asked
// for one with Prefer, so that one description does for all: with one for each, a document of many endpoints would consist of them.
func (d *document) addSharedJobs(caller identity.Principal) {
	if !d.sharedJobs.MayGetJob && !d.sharedJobs.MayCancelJob {
		return
	}
	const tag = "Jobs"
	d.Tags = append(d.Tags, &openapi3.Tag{
		Name: tag, Description: "Of endpoints whose calls answer with results: where a call has asked for a job, with `Prefer`.",
	})
	e := &endpoint{document: d, Offer: d.sharedJobs, caller: caller, name: "Endpoint", path: dataapi.PathEndpoints + "/{namespace}/{slug}", tag: tag}
	e.Endpoint = &catalog.Endpoint{Title: "an endpoint"}
	e.addSchema("Row", &openapi3.Schema{Type: types("object"), Description: "As in the endpoint's result."})
	e.addJobOperations(parameterRef("Namespace"), parameterRef("Slug"))
}

// addJobOperations adds those that the caller may use, below the endpoint's path and what its parameters are.
func (e *endpoint) addJobOperations(inPath ...*openapi3.ParameterRef) {
	if !e.MayGetJob && !e.MayCancelJob {
		return
	}
	ofOne := append(slices.Clone(inPath), parameterRef("JobId"))
	item := &openapi3.PathItem{Parameters: ofOne}
	if e.MayGetJob {
		e.addSchema("JobContent", e.resultSchema("JobResultHead"))
		e.addSchema("Job", e.jobSchema())
		e.Paths.Set(e.path+"/jobs", &openapi3.PathItem{Parameters: inPath, Get: e.listJobs()})
		e.Paths.Set(e.path+"/jobs/{job_id}/result", &openapi3.PathItem{Parameters: ofOne, Get: e.getResult()})
		item.Get = e.getJob()
	}
	if e.MayCancelJob {
		item.Delete = e.cancelJob()
	}
	e.Paths.Set(e.path+"/jobs/{job_id}", item)
}

// jobSchema is the schema of a job's document with its result.
func (e *endpoint) jobSchema() *openapi3.Schema {
	return &openapi3.Schema{
		Type: types("object"), AllOf: openapi3.SchemaRefs{schemaRef("JobHead")},
		Properties: openapi3.Schemas{"result": inline(&openapi3.Schema{
			OneOf: openapi3.SchemaRefs{e.schema("JobContent"), inline(&openapi3.Schema{Type: types("null")})},
		})},
		Required: []string{"result"},
	}
}

var jobErrors = []dataapi.Code{
	dataapi.CodeUnauthenticated, dataapi.CodeForbidden, dataapi.CodeEndpointNotFound, dataapi.CodeJobNotFound, dataapi.CodeInternal,
	dataapi.CodeOverloaded,
}

// jobAnswer is a 200 with JSON of this schema.
func jobAnswer(description string, schema *openapi3.SchemaRef, headers ...string) *openapi3.Response {
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
	operation.Parameters = openapi3.Parameters{parameterRef("JobStatus"), parameterRef("JobLimit"), parameterRef("Cursor")}
	operation.Responses.Set("200", responseRef("JobPage"))
	e.addRefusals(operation, "ListOfJobs", append([]dataapi.Code{dataapi.CodeInvalidRequest, dataapi.CodeNotAcceptable}, jobErrors...)...)
	return operation
}

func (e *endpoint) getJob() *openapi3.Operation {
	operation := e.operation("getJobOf", "Poll a job of "+e.title())
	operation.Parameters = openapi3.Parameters{parameterRef("PreferWait")}
	answer := jobAnswer("The job, and its result when it has completed.", e.schema("Job"),
		"Retry-After", "RetryAfter", "Preference-Applied", "PreferenceApplied")
	answer.Content["text/event-stream"] = openapi3.NewMediaType().WithSchemaRef(schemaRef("JobEvents"))
	operation.Responses.Set("200", &openapi3.ResponseRef{Value: answer})
	e.addRefusals(operation, "Poll", append([]dataapi.Code{dataapi.CodeNotAcceptable}, jobErrors...)...)
	return operation
}

func (e *endpoint) cancelJob() *openapi3.Operation {
	operation := e.operation("cancelJobOf", "Cancel a job of "+e.title())
	operation.Responses.Set("200", responseRef("JobState"))
	e.addRefusals(operation, "Job", jobErrors...)
	return operation
}

func (e *endpoint) getResult() *openapi3.Operation {
	operation := e.operation("getResultOf", "Get the result of a job of "+e.title())
	operation.Parameters = openapi3.Parameters{
		parameterRef("RowLimit"), parameterRef("Cursor"), parameterRef("Range"), parameterRef("IfRange"), parameterRef("IfNoneMatch"),
	}
	e.addSchema("ResultPage", e.resultSchema("PageHead"))
	answer := jobAnswer("The result.", e.schema("ResultPage"), "ETag", "ETag", "Accept-Ranges", "AcceptRanges", "Link", "NextPage",
		"Vary", "Vary", "Content-Disposition", "ContentDisposition", "X-Data-Api-Max-Rows", "MaxRows", "X-Data-Api-Row-Count", "RowCount",
		"X-Data-Api-Truncated", "Truncated")
	answer.Content = e.resultContent(e.Formats, e.schema("ResultPage"))
	operation.Responses.Set("200", &openapi3.ResponseRef{Value: answer})
	operation.Responses.Set("206", responseRef("PartOfResult"))
	operation.Responses.Set("304", responseRef("NotModified"))
	e.addRefusals(operation, "JobResult", append([]dataapi.Code{
		dataapi.CodeInvalidRequest, dataapi.CodeNotAcceptable, dataapi.CodeJobNotCompleted, dataapi.CodePreconditionFailed,
		dataapi.CodeRangeNotSatisfiable,
	}, jobErrors...)...)
	return operation
}
