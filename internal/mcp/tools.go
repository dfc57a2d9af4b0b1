package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

const (
	// mostTools is how many endpoints are a tool each. A model reads the whole list before each of its answers.
	mostTools = 40

	// mostFound is how many endpoints a search shows.
	mostFound = 20
)

// endpoint is one of the API's list.
type endpoint struct {
	Namespace   string          `json:"namespace"`
	Slug        string          `json:"slug"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Mode        string          `json:"mode"`
	Parameters  json.RawMessage `json:"parameters"`
	Columns     []column        `json:"columns"`
	Links       struct {
		Jobs string `json:"jobs"` // empty: the caller may not ask for jobs
	} `json:"links"`
}

type column struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Nullable    bool   `json:"nullable"`
	Description string `json:"description,omitempty"`
}

func (e endpoint) path() string { return e.Namespace + "/" + e.Slug }

// separator is between namespace and slug in the name of a tool. Neither can contain it.
const separator = "__"

// maxName is the longest name of a tool that all large models' interfaces take.
const maxName = 64

// toolName is the name of the endpoint's tool. A long one is cut, and told from others by a hash.
func (e endpoint) toolName() string {
	name := e.Namespace + separator + e.Slug
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	const hashed = 8
	return name[:maxName-hashed-1] + "_" + hex.EncodeToString(sum[:hashed/2])
}

// endpoints asks the API for those that the caller may run. more tells that there are others.
func (t *tools) endpoints(ctx context.Context, query url.Values, limit int) (found []endpoint, more bool, err error) {
	if t.namespace != "" {
		query.Set("namespace", t.namespace)
	}
	query.Set("limit", strconv.Itoa(limit))
	answer := t.api.do(ctx, request{method: http.MethodGet, path: dataapi.PathEndpoints, query: query})
	defer answer.Close()
	if answer.status != http.StatusOK {
		return nil, false, readProblem(answer)
	}
	var page struct {
		Endpoints  []endpoint `json:"endpoints"`
		NextCursor *string    `json:"next_cursor"`
	}
	err = json.NewDecoder(answer).Decode(&page)
	return page.Endpoints, page.NextCursor != nil, err
}

// list offers a tool for each endpoint, or, where there are many, tools that search and run them.
func (t *tools) list(ctx context.Context, params *sdk.ListToolsParams) (sdk.Result, error) {
	if params != nil && params.Cursor != "" {
		return nil, invalidParams("this list has one page, and no cursor")
	}
	found, more, err := t.endpoints(ctx, url.Values{}, mostTools)
	if err != nil {
		return nil, protocolError(err)
	}
	result := &sdk.ListToolsResult{Cacheable: private(), Tools: []*sdk.Tool{}}
	jobs := false
	for _, e := range found {
		jobs = jobs || e.Links.Jobs != ""
		if !more {
			result.Tools = append(result.Tools, e.tool(t.taskful))
		}
	}
	if more {
		result.Tools = append(result.Tools, searchTool(), describeTool(), runTool())
	}
	if (jobs || more) && !t.taskful {
		result.Tools = append(result.Tools, jobTool())
	}
	return result, nil
}

// tool describes the endpoint to a model, whose client may know tasks.
func (e endpoint) tool(taskful bool) *sdk.Tool {
	return &sdk.Tool{
		Name: e.toolName(), Title: plainText(e.Title), Description: e.about(taskful), InputSchema: e.Parameters, OutputSchema: e.outputSchema(),
		Annotations: reading(e.Title),
	}
}

// reading says that a tool changes nothing.
func reading(title string) *sdk.ToolAnnotations {
	return &sdk.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: new(false), Title: plainText(title)}
}

// about is the text that a model chooses the tool by. Of tasks the client alone needs to know.
func (e endpoint) about(taskful bool) string {
	parts := []string{plainText(e.Title), plainText(e.Description)}
	if e.Title == "" && e.Description == "" {
		parts = []string{"Returns the rows of the published query " + e.path() + "."}
	}
	if e.Mode == "async" && !taskful {
		parts = append(parts, "It runs as a job: the answer has a job_id, and the tool "+nameOfJob+" returns the result.")
	}
	var words []string
	for _, part := range parts {
		if part != "" {
			words = append(words, part)
		}
	}
	return strings.Join(words, "\n\n")
}

func plainText(text string) string { return strings.Map(visible, text) }
