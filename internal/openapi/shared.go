package openapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// addShared adds what the operations of endpoints have in common: what no caller's document refers to is left out of it.
func (d *document) addShared() {
	integer := func(description string) *openapi3.SchemaRef {
		return inline(&openapi3.Schema{Type: types("integer"), Description: description})
	}
	head := openapi3.Schemas{
		"columns":   inline(&openapi3.Schema{Type: types("array"), Items: schemaRef("Column")}),
		"row_count": integer(""),
		"truncated": inline(&openapi3.Schema{Type: types("boolean"), Description: "There are more rows than the endpoint may give."}),
	}
	d.addHead("JobResultHead", "A result in a job, without its rows.", head, nil)
	d.addHead("ResultHead", "A result, without its rows.", head, openapi3.Schemas{
		"max_rows": integer(""), "executed_at": inline(&openapi3.Schema{Type: types("string"), Format: "date-time"}),
	})
	d.addHead("PageHead", "A result or a page of it, without its rows. Offset, total_row_count and next_cursor are those of a page.", head, nil)
	page := d.Components.Schemas["PageHead"].Value.Properties
	page["offset"], page["total_row_count"] = integer("Rows before the page."), integer("Rows of the whole result.")
	page["next_cursor"] = inline(&openapi3.Schema{Type: types("string", "null"), Description: "Null on the last page."})
	d.addJobs()
	d.Components.Schemas["CallbackURL"] = inline(&openapi3.Schema{
		Type: types("string"), Format: "uri", Description: "Where the end of the job is announced; only when the call is a job.",
	})
	responses := d.Components.Responses
	responses["NotModified"] = &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("The result is the one that you have.")}
	responses["PartOfResult"] = &openapi3.ResponseRef{
		Value: jobAnswer("A range of the result's bytes.", inline(&openapi3.Schema{Type: types("string")}), "ETag", "ETag",
			"Accept-Ranges", "AcceptRanges", "Content-Range", "ContentRange", "Vary", "Vary", "Content-Disposition", "ContentDisposition",
			"X-Data-Api-Max-Rows", "MaxRows", "X-Data-Api-Row-Count", "RowCount", "X-Data-Api-Truncated", "Truncated"),
	}
	responses["JobPage"] = &openapi3.ResponseRef{
		Value: jobAnswer("A page of the jobs that your company has asked for, newest first, without results.", schemaRef("JobList"), "Link", "NextPage"),
	}
	responses["JobState"] = &openapi3.ResponseRef{
		Value: jobAnswer("The job as it is now. One that has ended stays as it is; its `status` tells.", schemaRef("JobState")),
	}
	parameters := d.Components.Parameters
	query := func(name, description string, schema *openapi3.SchemaRef) *openapi3.ParameterRef {
		return &openapi3.ParameterRef{Value: &openapi3.Parameter{Name: name, In: "query", Description: description, Schema: schema}}
	}
	for name, description := range map[string]string{"Namespace": "Of the endpoint.", "Slug": "The endpoint's, in its namespace."} {
		parameters[name] = &openapi3.ParameterRef{Value: &openapi3.Parameter{
			Name: strings.ToLower(name), In: "path", Required: true, Description: description, Schema: inline(&openapi3.Schema{Type: types("string")}),
		}}
	}
	parameters["JobStatus"] = query("status", "Only jobs of this status.", schemaRef("JobStatus"))
	parameters["JobLimit"] = query("limit", "Jobs of a page.", inline(&openapi3.Schema{
		Type: types("integer"), Min: new(1.0), Max: new(200.0), Default: 50,
	}))
	parameters["RowLimit"] = query("limit", "Rows of a page; beside a cursor, 1000 by default. With `limit` or `cursor` the answer is a page of the "+
		"result's rows, else the whole result or a range of its bytes.", inline(&openapi3.Schema{
		Type: types("integer"), Min: new(1.0), Max: new(10000.0),
	}))
}

// addHead adds the schema of an object, of which others say more.
func (d *document) addHead(name, description string, properties, more openapi3.Schemas) {
	all := maps.Clone(properties)
	maps.Copy(all, more)
	d.Components.Schemas[name] = inline(&openapi3.Schema{
		Type: types("object"), Description: description, Properties: all, Required: slices.Sorted(maps.Keys(all)),
	})
}

// addJobs adds what a job says beside its result, and the announcement of its end.
func (d *document) addJobs() {
	schemas := d.Components.Schemas
	state := schemas["JobState"].Value
	job := *state
	job.Description, job.Properties = "A job, beside its result, which is null until it has completed.", make(openapi3.Schemas, len(state.Properties))
	for name, property := range state.Properties {
		if property.Ref != "" {
			property = &openapi3.SchemaRef{Ref: property.Ref}
		}
		job.Properties[name] = property
	}
	delete(job.Properties, "result")
	job.Required = slices.DeleteFunc(slices.Clone(state.Required), func(name string) bool { return name == "result" })
	schemas["JobHead"] = inline(&job)
	schemas["EndedJob"] = inline(&openapi3.Schema{
		Type: types("object"), AllOf: openapi3.SchemaRefs{schemaRef("JobHead")}, Required: []string{"result"},
		Properties: openapi3.Schemas{"result": inline(&openapi3.Schema{
			Type: types("object", "null"), Description: "As in the job's document at its endpoint.",
		})},
	})
	schemas["JobEvents"] = inline(&openapi3.Schema{Type: types("string"), Description: "A stream of events: `progress` every second, then `end`, or " +
		"`reconnect` when the stream has to be opened again. Their data is the job without its result."})
	if d.Components.Callbacks == nil {
		d.Components.Callbacks = make(openapi3.Callbacks)
	}
	d.Components.Callbacks["JobEnded"] = &openapi3.CallbackRef{Value: jobEnded()}
}

// jobEnded describes the request that announces the end of a job.
func jobEnded() *openapi3.Callback {
	operation := &openapi3.Operation{
		OperationID: "announceJob", Summary: "A job has ended", Tags: []string{discoveryTag}, Responses: openapi3.NewResponsesWithCapacity(3),
	}
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
		Required: true, Content: openapi3.Content{"application/json": openapi3.NewMediaType().WithSchemaRef(schemaRef("EndedJob"))},
	}}
	for status, description := range map[string]string{"2XX": "You have it.", "410": "Do not try again.", "default": "Try again later."} {
		operation.Responses.Set(status, &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription(description)})
	}
	callback := openapi3.NewCallback()
	callback.Set("{$request.body#/callback_url}", &openapi3.PathItem{Post: operation})
	return callback
}

// discoveryTag is one that every document has.
const discoveryTag = "Discovery"
