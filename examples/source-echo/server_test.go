package echo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/solucao42/caddy-data-api"
)

const serverCaddyfile = `{
	admin %[1]s
	auto_https off
	persist_config off
	data_api {
		catalog ./catalog
		store bbolt store.db
		source toy echo "good day" {
			max_conns 2
		}
	}
}

http://%[2]s {
	data_api
}
`

// catalog is what the server serves: a company with a user, and endpoints on the source toy.
var catalog = map[string]string{
	"acme/company.yaml": "name: Acme\nusers:\n  ana: { policies: [DataAPIConsumer] }\n",
	"acme/default/count.sql": "/*---\nsource: toy\nparams:\n  n: { type: integer, required: true, maximum: 5 }\nlimits: { max_rows: 3 }\n---*/\n" +
		"SELECT series(@n) AS n\n",
	"acme/default/greet.sql":   "/*---\nsource: toy\n---*/\nSELECT greeting() AS said\n",
	"acme/default/endless.sql": "/*---\nsource: toy\nlimits: { timeout: 200ms }\n---*/\nSELECT endless() AS n\n",
	"acme/default/price.sql": "/*---\nsource: toy\nparams: { p: { type: decimal } }\ncolumns: { v: { type: decimal, scale: 2 } }\n---*/\n" +
		"SELECT @p AS v\n",
	"acme/default/faulty.sql": "/*---\nsource: toy\n---*/\nSELECT nosuch() AS n\n",
}

// TestServer runs Caddy with the source in this process, and calls endpoints on it over HTTP.
func TestServer(t *testing.T) {
	t.Chdir(t.TempDir())
	for path, content := range catalog {
		path = filepath.Join("catalog", path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	admin, site := freeAddresses(t)
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(fmt.Appendf(nil, serverCaddyfile, admin, site), nil)
	if err != nil {
		t.Fatal(err, warnings)
	}
	if err := caddy.Load(adapted, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})

	var key struct {
		Key    string `json:"api_key"`
		Secret string `json:"api_secret"`
	}
	post(t, "http://"+admin+"/data_api/keys", "", `{"company": "acme", "user": "ana"}`, &key)
	var token struct {
		Access string `json:"access_token"`
	}
	post(t, "http://"+site+"/api/v1/auth/api-key", "",
		fmt.Sprintf(`{"company_slug": "acme", "api_key": %q, "api_secret": %q}`, key.Key, key.Secret), &token)

	for _, c := range []struct {
		endpoint, parameters string
		status               int
		rows, code           string
	}{
		{"count", `{"n": 2}`, http.StatusOK, `[{"n":1},{"n":2}]`, ""},
		{"count", `{"n": 5}`, http.StatusOK, `[{"n":1},{"n":2},{"n":3}]`, ""}, // as many as max_rows
		{"count", `{"n": 6}`, http.StatusUnprocessableEntity, "", "INVALID_PARAMETER"},
		{"greet", `{}`, http.StatusOK, `[{"said":"good day"}]`, ""},
		{"price", `{"p": 0.125}`, http.StatusOK, `[{"v":0.13}]`, ""},
		{"endless", `{}`, http.StatusRequestTimeout, "", "EXECUTION_TIMEOUT"},
		{"faulty", `{}`, http.StatusNotFound, "", "ENDPOINT_NOT_FOUND"}, // its file has a fault: the log says which
	} {
		var answer struct {
			Rows json.RawMessage `json:"rows"`
			Code string          `json:"code"`
		}
		status := post(t, "http://"+site+"/api/v1/data-api/default/"+c.endpoint+"/execute", token.Access,
			`{"parameter_values": `+c.parameters+`}`, &answer)
		var rows bytes.Buffer
		if len(answer.Rows) > 0 {
			if err := json.Compact(&rows, answer.Rows); err != nil {
				t.Fatal(err)
			}
		}
		if status != c.status || answer.Code != c.code || rows.String() != c.rows {
			t.Errorf("%s %s: %d %s %s, want %d %s %s", c.endpoint, c.parameters, status, answer.Code, rows.String(), c.status, c.code, c.rows)
		}
	}
}

// post sends JSON and reads JSON.
func post(t *testing.T, url, token, body string, answer any) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, answer); err != nil {
		t.Fatalf("%s: %d %s: %v", url, response.StatusCode, content, err)
	}
	return response.StatusCode
}

// freeAddresses finds two addresses. Both are taken until both are known: else they could be one.
func freeAddresses(t *testing.T) (admin, site string) {
	t.Helper()
	for _, address := range []*string{&admin, &site} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		*address = listener.Addr().String()
	}
	return admin, site
}
