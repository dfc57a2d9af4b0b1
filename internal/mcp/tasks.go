package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// Jobs are tasks for clients that know them (SEP-2663): the client asks until the job has ended, and the model sees nothing but the
// result. The job in the store is all that there is of a task, so that it outlives the server, and any server answers for it.
const (
	tasksExtension = "io.modelcontextprotocol/tasks"
	tasksPrefix    = "tasks/"
)

// knowsTasks reports whether a request says that its client knows tasks. Without sessions, each request has to.
func knowsTasks(request sdk.Request) bool {
	var capabilities *sdk.ClientCapabilities
	if knowing, ok := request.(interface {
		ClientCapabilities() *sdk.ClientCapabilities
	}); ok {
		capabilities = knowing.ClientCapabilities()
	}
	if capabilities == nil {
		return false
	}
	_, ok := capabilities.Extensions[tasksExtension]
	return ok
}

// checkTaskRequest refuses a request about a task from a client that does not know tasks, and one whose header names another task
// than its body, by which something between may have chosen a server.
func (t *tools) checkTaskRequest(request sdk.Request) error {
	if !t.taskful {
		required := &sdk.ClientCapabilities{}
		required.AddExtension(tasksExtension, nil)
		data, err := json.Marshal(sdk.MissingRequiredClientCapabilityData{RequiredCapabilities: required})
		if err != nil {
			return err
		}
		return &jsonrpc.Error{
			Code: sdk.CodeMissingRequiredClientCapabilities, Message: "declare " + tasksExtension + " in the client's capabilities of this request", Data: data,
		}
	}
	params, ok := request.GetParams().(*taskParams)
	if name := t.api.outer.Header.Get("Mcp-Name"); ok && name != "" && name != params.TaskID {
		return &jsonrpc.Error{Code: sdk.CodeHeaderMismatch, Message: fmt.Sprintf("the header has Mcp-Name %q, and the body taskId %q", name, params.TaskID)}
	}
	return nil
}

// taskParams name a task. Responses to questions are not looked at, since no task asks any.
type taskParams struct {
	sdk.ParamsBase
	TaskID    string          `json:"taskId"`
	Responses json.RawMessage `json:"inputResponses,omitempty"`
}

// task is a job as the extension describes it.
type task struct {
	sdk.ResultBase
	Type         string      `json:"resultType"`
	TaskID       string      `json:"taskId"`
	Status       string      `json:"status"`
	Message      string      `json:"statusMessage,omitempty"`
	CreatedAt    time.Time   `json:"createdAt"`
	UpdatedAt    time.Time   `json:"lastUpdatedAt"`
	TTL          *int64      `json:"ttlMs"` // from createdAt on; null: not known yet
	PollInterval int64       `json:"pollIntervalMs,omitempty"`
	Result       *callResult `json:"result,omitempty"`
}

// done acknowledges a request about a task.
type done struct {
	sdk.ResultBase
	Type string `json:"resultType"`
}

// complete is the type of every result but that of a call which became a task.
const complete = "complete"

// addTasks registers the methods of the extension.
func (t *tools) addTasks(server *sdk.Server) error {
	if err := sdk.AddReceivingCustomMethod(server, tasksPrefix+"get", t.getTask); err != nil {
		return err
	}
	if err := sdk.AddReceivingCustomMethod(server, tasksPrefix+"update", t.updateTask); err != nil {
		return err
	}
	return sdk.AddReceivingCustomMethod(server, tasksPrefix+"cancel", t.cancelTask)
}

// begun answers a call whose query runs as a job. The job is on disk: whatever becomes of the question for its state, the client must
// learn which it is.
func (t *tools) begun(ctx context.Context, shown digest) sdk.Result {
	id := shown.Endpoint + "/" + shown.JobID
	path, _ := t.taskPath(id)
	state, err := t.waitFor(ctx, path, 0)
	if err != nil {
		state = jobState{Status: shown.Status, CreatedAt: time.Now().UTC().Truncate(time.Second)}
	}
	created := taskOf(id, state)
	created.Type = "task"
	return created
}

// taskPath returns where the API has the job that a task is: the task's id is NAMESPACE/SLUG/JOB_ID.
func (t *tools) taskPath(id string) (path string, ok bool) {
	end := strings.LastIndexByte(id, '/')
	if end < 0 {
		return "", false
	}
	path, err := t.jobPath(id[:end], id[end+1:])
	return path, err == nil
}

// taskOf describes a job.
func taskOf(id string, state jobState) *task {
	described := &task{Type: complete, TaskID: id, Status: "working", CreatedAt: state.CreatedAt, UpdatedAt: state.CreatedAt}
	switch state.Status {
	case statusCompleted, statusFailed: // to fail is of the protocol alone; why a query has failed is a result
		described.Status = "completed"
	case statusCancelled:
		described.Status = "cancelled"
	default:
		const soon = 1
		seconds, err := strconv.Atoi(state.RetryAfter)
		if err != nil {
			seconds = soon
		}
		described.PollInterval = (time.Duration(seconds) * time.Second).Milliseconds()
		if state.Progress.Rows > 0 {
			described.Message = rowsInWords(state.Progress.Rows) + " so far"
		}
	}
	if state.CompletedAt != nil {
		described.UpdatedAt = *state.CompletedAt
	}
	if state.ExpiresAt != nil {
		described.TTL = new(state.ExpiresAt.Sub(state.CreatedAt).Milliseconds())
	}
	return described
}

// getTask tells how a job fares, and its result when it has ended.
func (t *tools) getTask(ctx context.Context, _ *sdk.ServerSession, params *taskParams) (*task, error) {
	path, state, err := t.stateOfTask(ctx, params.TaskID)
	if err != nil {
		return nil, err
	}
	described := taskOf(params.TaskID, state)
	if described.Status == "completed" {
		// A result that cannot be read now can be later: the task is asked for again.
		found, failed := t.jobResult(ctx, path, state, digest{})
		if problem, ok := failed.(*problemError); ok { //nolint:errorlint // as jobResult returns it
			return nil, taskError(problem)
		}
		described.Result, err = toolResult(found, failed)
	}
	return described, err
}

// stateOfTask asks for the job that a task is.
func (t *tools) stateOfTask(ctx context.Context, id string) (path string, state jobState, err error) {
	path, ok := t.taskPath(id)
	if !ok {
		return "", state, noTask(id)
	}
	state, err = t.waitFor(ctx, path, 0)
	return path, state, taskError(err)
}

// updateTask takes the client's responses to a task's questions, of which there are none.
func (t *tools) updateTask(ctx context.Context, _ *sdk.ServerSession, params *taskParams) (*done, error) {
	_, _, err := t.stateOfTask(ctx, params.TaskID)
	return &done{Type: complete}, err
}

// cancelTask cancels a job. One that has ended stays as it is.
func (t *tools) cancelTask(ctx context.Context, _ *sdk.ServerSession, params *taskParams) (*done, error) {
	path, ok := t.taskPath(params.TaskID)
	if !ok {
		return nil, noTask(params.TaskID)
	}
	answer := t.api.do(ctx, request{method: http.MethodDelete, path: path})
	defer answer.Close()
	if answer.status != http.StatusOK {
		return nil, taskError(readProblem(answer))
	}
	return &done{Type: complete}, nil
}

func noTask(id string) error { return invalidParams(fmt.Sprintf("there is no task %q", id)) }

// taskError says to the client why the API has refused a request about a task: the model does not see it.
func taskError(err error) error {
	if err == nil {
		return nil
	}
	if problem, ok := err.(*problemError); ok && problem.status == http.StatusNotFound { //nolint:errorlint // as readProblem returns it
		return invalidParams(err.Error())
	}
	return protocolError(err)
}
