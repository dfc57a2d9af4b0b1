package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const maxAnswer = 8 << 20 // bytes

// call is one request. What is shown is made from the same fields as what is sent.
type call struct {
	method string
	path   string
	token  string // sent as a bearer token; shown as $TOKEN, which the demo has told the user to set
	body   string // JSON; empty for none
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration // until the whole body was read
}

// send performs the call.
func (c call) send(ctx context.Context) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, c.method, baseURL+c.path, strings.NewReader(c.body))
	if err != nil {
		return answer{}, err
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	began := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return answer{response.StatusCode, response.Header, body, time.Since(began)}, err
}

// curl writes the call as a command for a shell, with base in front of the path.
func (c call) curl(base string) string {
	command := "curl"
	if c.method != http.MethodGet {
		command += " -X " + c.method
	}
	parts := []string{fmt.Sprintf(`%s "%s%s"`, command, base, c.path)}
	if c.token != "" {
		parts = append(parts, `-H "Authorization: Bearer $TOKEN"`)
	}
	if c.body != "" {
		parts = append(parts, `-H "Content-Type: application/json"`, "-d '"+strings.ReplaceAll(c.body, "'", `'\''`)+"'")
	}
	return strings.Join(parts, " \\\n  ")
}

// The calls of the guide.

func tokenCall(key credentials) call {
	return call{method: http.MethodPost, path: "/api/v1/auth/api-key",
		body: fmt.Sprintf(`{ "company_slug": %q, "api_key": %q, "api_secret": %q }`, company, key.Key, key.Secret)}
}

func syncCall(token string) call {
	return call{method: http.MethodPost, path: "/api/v1/data-api/default/vendas-por-regiao/execute", token: token,
		body: `{ "parameter_values": { "data_inicio": "2026-01-01", "regiao": "Sul" } }`}
}

func asyncCall(token string) call {
	return call{method: http.MethodPost, path: "/api/v1/data-api/default/relatorio-mensal/execute", token: token,
		body: fmt.Sprintf(`{ "parameter_values": { "mes": "2026-03" }, "callback_url": %q }`, callbackURL)}
}

func pollCall(token, pollingURL string) call {
	return call{method: http.MethodGet, path: pollingURL, token: token}
}
