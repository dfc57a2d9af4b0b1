package caddymodule_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// withToken sends the token of a running server with each request.
type withToken struct{ s *running }

func (t withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+t.s.access)
	return t.s.clientHelper.Transport.RoundTrip(r)
}

// TestAgents: an agent's client finds its way from the 401 to the metadata, and calls an endpoint through a reload.
func TestAgents(t *testing.T) {
	s := run(t)
	agents := `{"match": [{"path": ["/mcp", "/mcp/*", "/.well-known/oauth-protected-resource/*"]}], "handle": [{"handler": "data_api_mcp"}]},`
	with := settings{name: "agents", catalog: catalogOf(t, map[string]string{"say": sayOne}), routes: agents}
	s.mustLoad(with)

	origin := fmt.Sprintf("https://127.0.0.1:%d", s.port)
	refused, err := s.clientHelper.Post(origin+"/mcp", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Body.Close()
	described := origin + "/.well-known/oauth-protected-resource/mcp"
	if got, want := refused.Header.Get("WWW-Authenticate"), fmt.Sprintf("Bearer resource_metadata=%q", described); refused.StatusCode != http.StatusUnauthorized || got != want {
		t.Errorf("%d %s, want %s", refused.StatusCode, got, want)
	}
	metadata, err := s.clientHelper.Get(described)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(metadata.Body)
	_ = metadata.Body.Close()
	want := fmt.Sprintf(`{"resource":"%s/mcp","authorization_servers":["%s"],"bearer_methods_supported":["header"],"resource_name":"Data API"}`, origin, origin)
	if err != nil || string(body) != want {
		t.Errorf("%s %v, want %s", body, err, want)
	}
	// A path that is no namespace's is described nowhere, and what it holds cannot end the text that the challenge has of it.
	for path, want := range map[string]int{"/mcp/sales": http.StatusOK, "/mcp/a/b": http.StatusNotFound, "/mcp/%22": http.StatusNotFound} {
		answer, err := s.clientHelper.Get(origin + "/.well-known/oauth-protected-resource" + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("the description of %s is %d, want %d", path, answer.StatusCode, want)
		}
	}
	refused, err = s.clientHelper.Post(described, "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Body.Close()
	if refused.StatusCode != http.StatusMethodNotAllowed || refused.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", refused.StatusCode, refused.Header)
	}
	refused, err = s.clientHelper.Post(origin+"/mcp/%22,%20realm=%22x", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Body.Close()
	if got, want := refused.Header.Get("WWW-Authenticate"), fmt.Sprintf("Bearer resource_metadata=%q", described+"/%22,%20realm=%22x"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	s.login()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: origin + "/mcp", HTTPClient: &http.Client{Transport: withToken{s}}, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	say := func() string {
		result, err := session.CallTool(context.WithoutCancel(t.Context()), &sdk.CallToolParams{Name: "default__say", Arguments: json.RawMessage(`{}`)})
		if err != nil || result.IsError {
			t.Fatalf("%+v %v", result, err)
		}
		return result.Content[0].(*sdk.TextContent).Text
	}
	if text := say(); !strings.Contains(text, `{"n":1}`) {
		t.Error(text)
	}
	// No request keeps what its body has held: bodies of one address may hold 16 MiB, and each takes 32 KiB while it is read.
	for i := range 600 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+"/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json, text/event-stream")
		answer, err := (&http.Client{Transport: withToken{s}}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("request %d: %d %s", i, answer.StatusCode, text)
		}
	}
	with.name, with.catalog = "more", catalogOf(t, map[string]string{"say": sayTwo})
	s.mustLoad(with)
	eventually(t, "the new configuration answers", func() bool { return strings.Contains(say(), `{"n":2}`) })
	if audit := s.logOf("agents.audit"); !strings.Contains(audit, "acme/default/say") {
		t.Errorf("the audit log has %s", audit)
	}
}

// TestRateOfAgents: a call of a tool, which is several requests inside, counts as one; and the model reads that it comes too often.
func TestRateOfAgents(t *testing.T) {
	s := run(t)
	agents := `{"match": [{"path": ["/mcp"]}], "handle": [{"handler": "data_api_mcp"}]},`
	with := settings{name: "agents", catalog: catalogOf(t, map[string]string{"say": sayOne}), routes: agents}
	s.write(filepath.Join(with.catalog, "acme/company.yaml"), companyOf+"rate: 1/24h\n")
	s.mustLoad(with)
	s.login()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: fmt.Sprintf("https://127.0.0.1:%d/mcp", s.port), HTTPClient: &http.Client{Transport: withToken{s}}, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	for _, want := range []string{`{"n":1}`, "RATE_LIMITED"} {
		result, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "default__say", Arguments: json.RawMessage(`{}`)})
		if err != nil {
			t.Fatal(err)
		}
		if text := result.Content[0].(*sdk.TextContent).Text; !strings.Contains(text, want) {
			t.Errorf("the tool says %s, want %s", text, want)
		}
	}
}
