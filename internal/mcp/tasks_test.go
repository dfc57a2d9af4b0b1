package mcp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// agent is a client of the newest protocol, on the wire.
type agent struct {
	*servertest.Server
	access string
	knows  string // its extensions, as JSON
}

const knowsTasks = `{"io.modelcontextprotocol/tasks": {}}`

// answered is an answer of the protocol.
type answered struct {
	HTTP  int
	Error *struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	} `json:"error"`
	Result struct {
		Type      string          `json:"resultType"`
		TaskID    string          `json:"taskId"`
		Status    string          `json:"status"`
		CreatedAt time.Time       `json:"createdAt"`
		UpdatedAt time.Time       `json:"lastUpdatedAt"`
		TTL       *int64          `json:"ttlMs"`
		Poll      int64           `json:"pollIntervalMs"`
		Result    json.RawMessage `json:"result"`
		Content   json.RawMessage `json:"content"`
		Tools     []struct {
			Name, Description string
		} `json:"tools"`
	} `json:"result"`
	text string
}

// ask sends a request; name is the field Mcp-Name, if there is one.
func (a agent) ask(t *testing.T, method, params, name string) answered {
	t.Helper()
	meta := fmt.Sprintf(`"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
		"io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}, "io.modelcontextprotocol/clientCapabilities": {"extensions": %s}}`, a.knows)
	if params != "" {
		meta += ", " + params
	}
	body := fmt.Sprintf(`{"jsonrpc": "2.0", "id": 1, "method": %q, "params": {%s}}`, method, meta)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.Base+"/mcp", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Authorization": "Bearer " + a.access,
		"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method, "Mcp-Name": name,
	} {
		if value != "" {
			request.Header.Set(field, value)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := answered{HTTP: response.StatusCode, text: string(text)}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&got); err != nil {
		t.Fatalf("%s: %v in %d %s", method, err, response.StatusCode, text)
	}
	return got
}

func (a agent) refused(t *testing.T, method, params, name string, status, code int) {
	t.Helper()
	if got := a.ask(t, method, params, name); got.HTTP != status || got.Error == nil || got.Error.Code != code {
		t.Errorf("%s %s: %d %s, want %d and %d", method, params, got.HTTP, got.text, status, code)
	}
}

const (
	invalidParams     = -32602
	methodNotFound    = -32601
	headerMismatch    = -32020
	missingCapability = -32021
)

// TestTasks: a job is a task for a client that knows tasks, and stays one when the server was away.
func TestTasks(t *testing.T) {
	t.Parallel()
	files := catalog()
	files["acme/default/broken.sql"] = front + "mode: async\nlimits: { timeout: 1s }\n---*/\n" + servertest.Engines[0].Slow
	files["acme/default/endless.sql"] = front + "mode: async\nlimits: { timeout: 10m }\n---*/\n" + servertest.Engines[0].Slow
	s := serve(t, files)
	a := agent{s, s.Login("acme", "integration").Access, knowsTasks}

	for _, tool := range a.ask(t, "tools/list", "", "").Result.Tools {
		if tool.Name == "get_job" || strings.Contains(tool.Description, "get_job") {
			t.Errorf("a client that knows tasks is told of %q: %s", tool.Name, tool.Description)
		}
	}
	if got := a.ask(t, "tools/call", `"name": "default__exact", "arguments": {}`, "default__exact"); got.Result.Type != "complete" || got.Result.Content == nil {
		t.Errorf("what is answered at once is %s", got.text)
	}
	began := a.ask(t, "tools/call", `"name": "default__slow", "arguments": {}`, "default__slow")
	if task := began.Result; task.Type != "task" || task.Status != "working" && task.Status != "completed" || task.CreatedAt.IsZero() || task.UpdatedAt.IsZero() ||
		!strings.HasPrefix(task.TaskID, "default/slow/") {
		t.Fatalf("the task is %s", began.text)
	}
	s.Restart()
	ended := a.await(t, began.Result.TaskID)
	if task := ended.Result; task.Type != "complete" || task.Status != "completed" || task.TTL == nil || *task.TTL <= 0 || !strings.Contains(string(task.Result), `"rows":[{"n":1}]`) {
		t.Errorf("the task ended as %s", ended.text)
	}

	failed := a.await(t, a.ask(t, "tools/call", `"name": "default__broken", "arguments": {}`, "default__broken").Result.TaskID)
	if failed.Result.Status != "completed" || !strings.Contains(string(failed.Result.Result), `"isError":true`) || !strings.Contains(failed.text, "EXECUTION_TIMEOUT") {
		t.Errorf("a job that failed is %s", failed.text)
	}

	endless := a.ask(t, "tools/call", `"name": "default__endless", "arguments": {}`, "default__endless").Result
	if endless.Status != "working" || endless.Poll <= 0 || endless.TTL != nil {
		t.Errorf("a task that works is %+v", endless)
	}
	named := fmt.Sprintf(`"taskId": %q`, endless.TaskID)
	for _, method := range []string{"tasks/update", "tasks/cancel"} {
		if got := a.ask(t, method, named+`, "inputResponses": {}`, endless.TaskID); got.Result.Type != "complete" || got.Result.TaskID != "" {
			t.Errorf("%s: %s", method, got.text)
		}
	}
	if got := a.await(t, endless.TaskID); got.Result.Status != "cancelled" || got.Result.Result != nil {
		t.Errorf("a task that was cancelled is %s", got.text)
	}
}

// await asks for a task until it has ended.
func (a agent) await(t *testing.T, id string) (got answered) {
	t.Helper()
	servertest.Eventually(t, "the task ends", time.Minute, func() bool {
		got = a.ask(t, "tasks/get", fmt.Sprintf(`"taskId": %q`, id), id)
		if got.Error != nil {
			t.Fatal(got.text)
		}
		return got.Result.Status != "working"
	})
	return got
}

// TestTasksAreRefused: to clients that do not know them, to strangers, and under a wrong name.
func TestTasksAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, catalog())
	a := agent{s, s.Login("acme", "integration").Access, knowsTasks}
	id := a.ask(t, "tools/call", `"name": "default__slow", "arguments": {}`, "default__slow").Result.TaskID
	named := fmt.Sprintf(`"taskId": %q`, id)
	stranger, unknowing := a, a
	stranger.access, unknowing.knows = s.Login("acme", "narrow").Access, `{}`
	for _, method := range []string{"tasks/get", "tasks/update", "tasks/cancel"} {
		unknowing.refused(t, method, named, id, http.StatusBadRequest, missingCapability)
		a.refused(t, method, named, "default/slow/another", http.StatusOK, headerMismatch) // the SDK would say 400 of its own alone
		for _, other := range []string{"", "/", "default/slow", "default/slow/absent", "../../x", "default/exact/" + id[strings.LastIndex(id, "/")+1:], "default/slow/%2e%2e", "default/slow/..", "default/slow/."} {
			a.refused(t, method, fmt.Sprintf(`"taskId": %q`, other), other, http.StatusBadRequest, invalidParams)
		}
		if got := stranger.ask(t, method, named, id); got.Error == nil {
			t.Errorf("%s for a stranger: %s", method, got.text)
		}
	}
	if got := unknowing.ask(t, "tools/call", `"name": "default__slow", "arguments": {}`, "default__slow"); got.Result.Type != "complete" || !strings.Contains(got.text, "job_id") {
		t.Errorf("a client that knows no tasks gets %s", got.text)
	}
	// The SDK would answer these, and hold the last one open.
	for _, method := range []string{"prompts/list", "resources/list", "completion/complete", "tasks/result", "tasks/list", "subscriptions/listen"} {
		a.refused(t, method, "", "", http.StatusNotFound, methodNotFound)
	}
	if log := s.Log.String(); strings.Contains(log, "session connected") {
		t.Error("the log has a line for each request")
	}
}
