package mcp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// call runs the tool that a request names. What the API, the endpoint or its database refuses is the tool's result, so that the model
// reads it; an unknown tool is an error of the protocol.
func (t *tools) call(ctx context.Context, params *sdk.CallToolParamsRaw) (sdk.Result, error) {
	var found any
	var err error
	switch params.Name {
	case nameOfSearch:
		found, err = t.search(ctx, params.Arguments)
	case nameOfDescribe:
		found, err = t.describe(ctx, params.Arguments)
	case nameOfRun:
		found, err = t.runNamed(ctx, params.Arguments)
	case nameOfJob:
		found, err = t.job(ctx, params.Arguments)
	default:
		var e endpoint
		var ok bool
		switch e, ok, err = t.named(ctx, params.Name); {
		case err != nil:
		case !ok:
			return nil, invalidParams(fmt.Sprintf("there is no tool %q; tools/list has those that there are", params.Name))
		default:
			found, err = t.run(ctx, e, params.Arguments)
		}
	}
	if shown, ok := found.(digest); ok && t.taskful && shown.pending {
		return t.begun(ctx, shown), nil
	}
	return toolResult(found, err)
}

// callResult is the result of a tool. The SDK has one too, which cannot say its type, as the newest version of the protocol wants.
type callResult struct {
	sdk.ResultBase
	Type       string             `json:"resultType"`
	Content    []*sdk.TextContent `json:"content"`
	Structured json.RawMessage    `json:"structuredContent,omitempty"`
	IsError    bool               `json:"isError,omitempty"`
}

// toolResult writes what a tool has found, or why it has found nothing.
func toolResult(found any, err error) (*callResult, error) {
	if err != nil {
		return &callResult{Type: complete, IsError: true, Content: []*sdk.TextContent{{Text: plainText(err.Error())}}}, nil
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // a model pays for every character
	if err := encoder.Encode(found); err != nil {
		return nil, err
	}
	// Clients of before the field structuredContent read the text.
	return &callResult{Type: complete, Structured: json.RawMessage(text.String()), Content: []*sdk.TextContent{{Text: text.String()}}}, nil
}

// named finds the endpoint of a tool.
func (t *tools) named(ctx context.Context, tool string) (e endpoint, ok bool, err error) {
	query, limit := url.Values{}, mostTools
	if namespace, slug, ok := strings.Cut(tool, separator); ok && dataapi.ValidSlug(namespace) && dataapi.ValidSlug(slug) {
		query, limit = url.Values{"namespace": {namespace}, "slug": {slug}}, 1
	}
	found, _, err := t.endpoints(ctx, query, limit)
	for _, e := range found {
		if e.toolName() == tool {
			return e, true, nil
		}
	}
	return endpoint{}, false, err
}

// find returns the endpoint at an address that a model has given.
func (t *tools) find(ctx context.Context, address string) (endpoint, error) {
	namespace, slug, _ := strings.Cut(address, "/")
	if dataapi.ValidSlug(namespace) && dataapi.ValidSlug(slug) && (t.namespace == "" || t.namespace == namespace) {
		found, _, err := t.endpoints(ctx, url.Values{"namespace": {namespace}, "slug": {slug}}, 1)
		if err != nil || len(found) > 0 {
			return append(found, endpoint{})[0], err
		}
	}
	return endpoint{}, fmt.Errorf("there is no endpoint %q; the tool %s finds those that there are", address, nameOfSearch)
}

// found is what a search returns.
type foundEndpoint struct {
	Endpoint    string `json:"endpoint"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
}

// search lists endpoints by words.
func (t *tools) search(ctx context.Context, arguments json.RawMessage) (any, error) {
	var asked struct {
		Search string `json:"search"`
	}
	if err := decode(arguments, &asked); err != nil {
		return nil, err
	}
	query := url.Values{}
	if asked.Search != "" {
		query.Set("search", asked.Search)
	}
	listed, more, err := t.endpoints(ctx, query, mostFound)
	if err != nil {
		return nil, err
	}
	found := make([]foundEndpoint, len(listed))
	for i, e := range listed {
		found[i] = foundEndpoint{e.path(), plainText(e.Title), firstWords(plainText(e.Description))}
	}
	note := fmt.Sprintf("Found %d.", len(found))
	if more {
		note = fmt.Sprintf("These are the first %d, and there are more: search for more words.", len(found))
	}
	return map[string]any{"note": note, "endpoints": found}, nil
}

// firstWords shortens a description in a list.
func firstWords(text string) string {
	const most = 200
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + " ..."
	}
	return text
}

// describe tells what an endpoint takes and returns.
func (t *tools) describe(ctx context.Context, arguments json.RawMessage) (any, error) {
	var asked struct {
		Endpoint string `json:"endpoint"`
	}
	if err := decode(arguments, &asked); err != nil {
		return nil, err
	}
	e, err := t.find(ctx, asked.Endpoint)
	if err != nil {
		return nil, err
	}
	return map[string]any{"endpoint": e.path(), "description": e.about(t.taskful), "parameters": e.Parameters, "columns": e.Columns}, nil
}

// runNamed runs the endpoint that an argument names.
func (t *tools) runNamed(ctx context.Context, arguments json.RawMessage) (any, error) {
	var asked struct {
		Endpoint   string          `json:"endpoint"`
		Parameters json.RawMessage `json:"parameters"`
	}
	if err := decode(arguments, &asked); err != nil {
		return nil, err
	}
	e, err := t.find(ctx, asked.Endpoint)
	if err != nil {
		return nil, err
	}
	return t.run(ctx, e, asked.Parameters)
}

// run runs an endpoint. The API judges the arguments.
func (t *tools) run(ctx context.Context, e endpoint, arguments json.RawMessage) (any, error) {
	if len(arguments) == 0 || string(arguments) == "null" {
		arguments = json.RawMessage("{}")
	}
	// As they came: encoding/json would make six bytes of each <, and a body within its bound too large.
	body := slices.Concat([]byte(`{"parameter_values":`), arguments, []byte("}"))
	path := dataapi.PathEndpoints + "/" + e.path() + "/execute"
	answer := t.api.do(ctx, request{method: http.MethodPost, path: path, body: body})
	defer answer.Close()
	switch answer.status {
	case http.StatusOK:
		return t.digest(answer, path)
	case http.StatusAccepted:
		var accepted struct {
			JobID string `json:"job_id"`
		}
		if err := json.NewDecoder(answer).Decode(&accepted); err != nil {
			return nil, err
		}
		return digest{
			Note:     "The query runs as a job. Call " + nameOfJob + " with this endpoint and job_id for the result.",
			Endpoint: e.path(), JobID: accepted.JobID, Status: "processing", pending: e.Links.Jobs != "",
		}, nil
	default:
		return nil, readProblem(answer)
	}
}

// digest shortens the result that an answer is. All of it is at the path whole.
func (t *tools) digest(answer answer, whole string) (digest, error) {
	read, err := readResult(answer)
	if err != nil {
		return digest{}, fmt.Errorf("the query failed after its first rows, and no row is shown: %w", err)
	}
	short := int64(len(read.shown)) < read.rowCount || read.limited
	shown := digest{
		Note: read.describe(), Columns: read.columns, Rows: read.shown, RowCount: &read.rowCount, Truncated: &short,
		ExecutedAt: read.executedAt,
	}
	if shown.Rows == nil {
		shown.Rows = []jsontext.Value{}
	}
	if short {
		shown.Whole = t.base + whole
	}
	return shown, nil
}

// decode reads the arguments of a tool that is no endpoint.
func decode(arguments json.RawMessage, into any) error {
	if len(arguments) == 0 {
		arguments = json.RawMessage("{}")
	}
	in := json.NewDecoder(strings.NewReader(string(arguments)))
	in.DisallowUnknownFields()
	err := in.Decode(into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s must be %s; got %s", cmp.Or(wrong.Field, "arguments"), jsonTypes[wrong.Type.Kind()], wrong.Value)
	}
	if err != nil {
		return fmt.Errorf("the arguments: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// jsonTypes are what the fields of those arguments take, in words for a model.
var jsonTypes = map[reflect.Kind]string{reflect.String: "a string", reflect.Int: "a whole number", reflect.Struct: "an object"}

// problemError is why the API has refused a request, in words for a model.
type problemError struct {
	Title     string          `json:"title"`
	Detail    string          `json:"detail"`
	Code      string          `json:"code"`
	Errors    []dataapi.Fault `json:"errors"`
	status    int
	wait      string // seconds
	requestID string
}

// Error lists what is wrong, and how to ask about it.
func (p *problemError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s", p.Code, p.Detail)
	for _, fault := range p.Errors {
		fmt.Fprintf(&text, "\n- %s: %s", fault.Parameter, fault.Detail)
	}
	if p.wait != "" {
		fmt.Fprintf(&text, "\nTry again after %s seconds.", p.wait)
	}
	if p.requestID != "" {
		fmt.Fprintf(&text, "\n(request %s)", p.requestID)
	}
	return text.String()
}

// readProblem reads why the API has refused a request.
func readProblem(answer answer) error {
	const longest = 64 << 10
	problem := &problemError{status: answer.status, wait: answer.header.Get("Retry-After"), requestID: answer.header.Get("X-Request-Id")}
	if err := json.NewDecoder(io.LimitReader(answer, longest)).Decode(problem); err != nil || problem.Code == "" {
		problem.Code, problem.Detail = "INTERNAL_ERROR", "The request was not answered."
	}
	return problem
}

// protocolError is for what keeps the protocol itself from being answered, such as a list of tools.
func protocolError(err error) error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: err.Error()}
}
