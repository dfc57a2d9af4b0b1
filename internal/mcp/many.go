package mcp

import (
	"encoding/json"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/solucao42/caddy-data-api/internal/openapi"
	"github.com/solucao42/caddy-data-api/source"
)

// The tools that are not endpoints. No endpoint's tool has such a name, since theirs contain the separator.
const (
	nameOfSearch   = "search_endpoints"
	nameOfDescribe = "describe_endpoint"
	nameOfRun      = "run_endpoint"
	nameOfJob      = "get_job"
)

const endpointProperty = `"endpoint": {"type": "string", "description": "NAMESPACE/SLUG, as search_endpoints returns it",
	"pattern": "^[a-z0-9-]+/[a-z0-9-]+$"}`

// schema makes the schema of a tool's arguments.
func schema(properties string, required ...string) json.RawMessage {
	names, _ := json.Marshal(required) // strings can be marshalled
	return json.RawMessage(`{"type": "object", "properties": {` + properties + `}, "required": ` + string(names) + `, "additionalProperties": false}`)
}

func searchTool() *sdk.Tool {
	return &sdk.Tool{
		Name: nameOfSearch, Title: "Search the endpoints", Annotations: reading("Search the endpoints"),
		Description: "Finds published queries by words in their address, title and description. Begin here.",
		InputSchema: schema(`"search": {"type": "string", "maxLength": 200, "description": "Words that all must occur; empty lists the first"}`, "search"),
	}
}

func describeTool() *sdk.Tool {
	return &sdk.Tool{
		Name: nameOfDescribe, Title: "Describe an endpoint", Annotations: reading("Describe an endpoint"),
		Description: "Tells what a published query takes, as JSON Schema, and which columns it returns. Ask before the first run of an endpoint.",
		InputSchema: schema(endpointProperty, "endpoint"),
	}
}

func runTool() *sdk.Tool {
	return &sdk.Tool{
		Name: nameOfRun, Title: "Run an endpoint", Annotations: reading("Run an endpoint"),
		Description:  "Runs a published query and returns its first rows, or the job_id of one that takes longer.",
		InputSchema:  schema(endpointProperty+`, "parameters": {"type": "object", "description": "As describe_endpoint says"}`, "endpoint"),
		OutputSchema: outputSchema(json.RawMessage(`{"type": "object"}`)),
	}
}

func jobTool() *sdk.Tool {
	return &sdk.Tool{
		Name: nameOfJob, Title: "Get a job", Annotations: reading("Get a job"),
		Description: "Waits for the job of a query that takes long, up to wait_seconds, and returns its result. Ask again while the status is processing.",
		InputSchema: schema(endpointProperty+`, "job_id": {"type": "string"},
			"wait_seconds": {"type": "integer", "minimum": 0, "maximum": 60, "default": 20}`, "endpoint", "job_id"),
		OutputSchema: outputSchema(json.RawMessage(`{"type": "object"}`)),
	}
}

// outputSchema describes what [digest] is, with the schema of its rows.
func outputSchema(row json.RawMessage) json.RawMessage {
	return json.RawMessage(`{"type": "object", "properties": {
		"note": {"type": "string", "description": "How much of the result this is, and what to do next"},
		"columns": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "type": {"type": "string"}}}},
		"rows": {"type": "array", "items": ` + string(row) + `},
		"row_count": {"type": "integer", "description": "Rows of the whole result"},
		"truncated": {"type": "boolean", "description": "There are more rows than are shown"},
		"executed_at": {"type": "string"},
		"endpoint": {"type": "string"}, "job_id": {"type": "string"}, "status": {"enum": ["processing", "completed", "failed", "cancelled"]},
		"whole_result": {"type": "string", "description": "Where a program gets all of it"}}, "required": ["note"]}`)
}

// outputSchema describes the result of the endpoint's tool.
func (e endpoint) outputSchema() json.RawMessage {
	if e.Columns == nil {
		return outputSchema(json.RawMessage(`{"type": "object"}`)) // the database has not described them yet
	}
	properties, required := make(map[string]json.RawMessage), []string{}
	for _, c := range e.Columns {
		properties[c.Name] = c.schema()
		required = append(required, c.Name)
	}
	row, _ := json.Marshal(map[string]any{"type": "object", "properties": properties, "required": required}) // it is JSON all through
	return outputSchema(row)
}

// schema describes the column's values. Formats are left out: validators refuse those that they do not know.
func (c column) schema() json.RawMessage {
	described := openapi.ColumnSchema(source.Type(c.Type), c.Nullable)
	described.Format, described.Description = "", plainText(c.Description)
	if described.Items != nil {
		described.Items.Value.Format = ""
	}
	text, _ := described.MarshalJSON() // it has no extensions that could not be marshalled
	return text
}
