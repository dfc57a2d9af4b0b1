package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// agentFiles have, by their names, what the conformance suites ask a server for; see conformanceTools.
func agentFiles() map[string]string {
	const front = "/*---\nsource: main\n"
	return map[string]string{
		"acme/company.yaml": companyFile + "  narrow: { policies: [OnlySales] }\npolicies:\n" +
			"  OnlySales: { grants: [{ actions: [data_api:execute], endpoints: [sales/*] }] }\n",
		"acme/default/greet.sql": front + "params: { name: { type: string, required: true } }\n---*/\nSELECT 'Hello, ' || @name || '!' AS greeting",
		"acme/default/slow-compute.sql": front + "mode: async\nparams: { seconds: { type: integer, default: 0 }, label: { type: string } }\nlimits: { timeout: 2m }\n---*/\n" +
			"SELECT @label || pg_sleep(@seconds)::text AS label",
		"acme/default/failing-job.sql":         front + "mode: async\n---*/\nSELECT 1 / (n - 1) AS n FROM generate_series(1, 1) AS n",
		"acme/default/test-simple-text.sql":    front + "---*/\nSELECT 'This is a simple text response for testing.' AS answer",
		"acme/default/test-error-handling.sql": front + "---*/\nSELECT 1 / (n - 1) AS n FROM generate_series(1, 1) AS n",
		"acme/default/million.sql":             front + "limits: { timeout: 60s, max_rows: 1000000 }\n---*/\nSELECT n, 'row ' || n AS label FROM generate_series(1, 1000000) AS n",
		"acme/sales/city.sql":                  front + "---*/\nSELECT 'Sul' AS city",
	}
}

// agentServer serves endpoints to agents at /mcp.
func agentServer(t *testing.T) *server {
	t.Helper()
	s := newServer(t, serverConfig{sources: engines[1].Source(t, t.TempDir(), sales).Directive(), files: agentFiles()})
	s.reconfigure("\n\tdata_api\n}", "\n\tdata_api {\n\t\tmcp\n\t}\n}")
	return s
}

// A task, and the job that it is, survive the death of the server: a client of either kind gets the result from the next one.
func TestAgentsJobsSurviveAKill(t *testing.T) {
	t.Parallel()
	s := agentServer(t)
	token := s.Login("acme", "integration").Access
	const call = `"name": "default__slow-compute", "arguments": {"seconds": 2, "label": "kept"}`
	var created struct {
		Result struct {
			Type   string `json:"resultType"`
			TaskID string `json:"taskId"`
		} `json:"result"`
	}
	mustDecode(t, askAsAgent(t, s, token, "tools/call", "default__slow-compute", call), &created)
	if created.Result.Type != "task" {
		t.Fatalf("the call became %+v", created)
	}
	var begun struct {
		Endpoint string `json:"endpoint"`
		JobID    string `json:"job_id"`
	}
	client := agentOf(t, s, token)
	mustDecode(t, callTool(t, client, "default__slow-compute", `{"seconds": 2, "label": "polled"}`), &begun)
	s.kill()
	s.start()

	var ended struct {
		Result struct {
			Status string          `json:"status"`
			Result json.RawMessage `json:"result"`
		} `json:"result"`
	}
	eventually(t, "the task ends", patience, func() bool {
		mustDecode(t, askAsAgent(t, s, token, "tasks/get", created.Result.TaskID, fmt.Sprintf(`"taskId": %q`, created.Result.TaskID)), &ended)
		return ended.Result.Status != "working"
	})
	if ended.Result.Status != "completed" || !strings.Contains(string(ended.Result.Result), `"rows":[{"label":"kept"}]`) {
		t.Errorf("the task ended as %s with %s", ended.Result.Status, ended.Result.Result)
	}
	client = agentOf(t, s, token)
	eventually(t, "the job ends", patience, func() bool {
		text := callTool(t, client, "get_job", fmt.Sprintf(`{"endpoint": %q, "job_id": %q, "wait_seconds": 30}`, begun.Endpoint, begun.JobID))
		return strings.Contains(text, `"rows":[{"label":"polled"}]`)
	})
}

// askAsAgent sends a request of the newest protocol, from a client that knows tasks.
func askAsAgent(t *testing.T, s *server, token, method, name, params string) string {
	t.Helper()
	body := fmt.Sprintf(`{"jsonrpc": "2.0", "id": 1, "method": %q, "params": {%s, "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
		"io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
		"io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}}}}`, method, params)
	return string(s.Send(http.MethodPost, "/mcp", token, body, "Accept", "application/json, text/event-stream",
		"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", method, "Mcp-Name", name).Want(http.StatusOK).Body)
}

// bearer presents a token with each request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func agentOf(t *testing.T, s *server, token string) *sdk.ClientSession {
	t.Helper()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: s.URL("/mcp"), HTTPClient: &http.Client{Transport: bearer(token)}, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func callTool(t *testing.T, session *sdk.ClientSession, tool, arguments string) string {
	t.Helper()
	result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
	if err != nil || result.IsError {
		t.Fatalf("%s %s: %+v %v", tool, arguments, result, err)
	}
	return result.Content[0].(*sdk.TextContent).Text
}
