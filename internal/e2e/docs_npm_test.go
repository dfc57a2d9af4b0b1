//go:build npm

// These tests need Node.js, npm and its registry, Chromium, curl and Python. They are run by `make browser`, fail where
// something is missing, and say what.

package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// chromium returns the browser's program.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("this test needs chromium: install it, as `make browser` does where it may")
	return ""
}

// axeReport is what axe-core says of a state of the page.
type axeReport struct {
	Passed int `json:"passed"`
	Found  []struct {
		ID     string   `json:"id"`
		Impact string   `json:"impact"`
		Nodes  []string `json:"nodes"`
	} `json:"found"`
}

func (r axeReport) serious() bool {
	for _, violation := range r.Found {
		if violation.Impact == "serious" || violation.Impact == "critical" {
			return true
		}
	}
	return false
}

type shownRun struct {
	Status string
	Rows   []string
	Faults []string
}

// pageReport is what testdata/browser/drive.js has seen.
type pageReport struct {
	Requests, Foreign, Errors, Endpoints []string
	Violations                           map[string]axeReport
	InlineScriptRan, Copied              bool
	WrongSecret, AfterArrow              string
	Sync, Async, Refused                 shownRun
	Snippets                             map[string]string
	Swagger                              struct {
		Operations int
		Status     string
		Body       []string
	}
	Stored       []any
	AfterSignOut struct{ Form, Page bool }
}

// A real browser signs in, runs both endpoints of the guide and sees their rows; nothing leaves the origin, nothing is
// stored, and axe-core has nothing serious to say of the page.
func TestDocumentationPageInChromium(t *testing.T) {
	program := chromium(t)
	s, tools := demoServer(t), installNode(t, "browser")
	// Tokens that last no longer than a look at the page: it has to renew them.
	text, err := os.ReadFile(s.caddyfile)
	if err != nil {
		t.Fatal(err)
	}
	short := strings.Replace(string(text), "\tdata_api {\n", "\tdata_api {\n\t\ttokens {\n\t\t\taccess_ttl 7s\n\t\t}\n", 1)
	if err := os.WriteFile(s.caddyfile, []byte(short), 0o600); err != nil || short == string(text) {
		t.Fatalf("%v in %s", err, text)
	}
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	key := s.CreateKey("acme", "integration")
	shots := os.Getenv("DATA_API_TEST_SCREENSHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	drive := exec.CommandContext(t.Context(), "node", "drive.js", program, strings.TrimSuffix(s.URL(""), "/"), shots, "acme", key.Key, key.Secret)
	drive.Dir = tools.dir
	var problems bytes.Buffer
	drive.Stderr = &problems
	out, err := drive.Output()
	if err != nil {
		t.Fatalf("driving the browser: %v\n%s", err, problems.Bytes())
	}
	var seen pageReport
	mustDecode(t, string(out), &seen)

	if len(seen.Foreign) > 0 || len(seen.Requests) < 10 {
		t.Errorf("requests %q, of which left the origin %q", seen.Requests, seen.Foreign)
	}
	if !slices.Contains(seen.Requests, "POST /api/v1/auth/refresh") {
		t.Errorf("no token was renewed: %q", seen.Requests)
	}
	if len(seen.Errors) > 0 || seen.InlineScriptRan {
		t.Errorf("the console has %q; an inline script ran: %v", seen.Errors, seen.InlineScriptRan)
	}
	if !strings.HasPrefix(seen.WrongSecret, "The credentials are missing or invalid") {
		t.Errorf("a wrong secret: %q", seen.WrongSecret)
	}
	if len(seen.Endpoints) != 6 {
		t.Errorf("listed are %q", seen.Endpoints)
	}
	if !slices.Equal(seen.Sync.Rows, []string{"Sul\t150000.00"}) || !strings.HasPrefix(seen.Sync.Status, "1 row in") {
		t.Errorf("the sync endpoint: %+v", seen.Sync)
	}
	if len(seen.Async.Rows) != 5 || !strings.HasPrefix(seen.Async.Rows[4], "Sul\t1300\t684\t52560.59\t") || !strings.HasPrefix(seen.Async.Status, "5 rows in") {
		t.Errorf("the async endpoint: %+v", seen.Async)
	}
	if !slices.Equal(seen.Refused.Faults, []string{"data_inicio is required"}) || !strings.HasPrefix(seen.Refused.Status, "INVALID_PARAMETER") {
		t.Errorf("a refusal: %+v", seen.Refused)
	}
	if seen.Swagger.Status != "200" || seen.Swagger.Operations < 30 || !strings.Contains(strings.Join(seen.Swagger.Body, ""), `"Sul"`) {
		t.Errorf("Swagger UI: %+v", seen.Swagger)
	}
	if len(seen.Snippets) != 6 || !seen.Copied || seen.AfterArrow != "curl" {
		t.Errorf("%d programs, copied %v, after an arrow %q", len(seen.Snippets), seen.Copied, seen.AfterArrow)
	}
	if got, _ := json.Marshal(seen.Stored); string(got) != `[0,0,""]` {
		t.Errorf("local storage, session storage, cookies: %s", got)
	}
	if !seen.AfterSignOut.Form || seen.AfterSignOut.Page {
		t.Errorf("after signing out: %+v", seen.AfterSignOut)
	}
	for state, report := range seen.Violations {
		t.Logf("axe-core, %s: %d rules passed, %+v", state, report.Passed, report.Found)
		if report.serious() != (state == "broken") || report.Passed < 15 {
			t.Errorf("axe-core, %s: %+v", state, report)
		}
	}
	if len(seen.Violations) != 6 {
		t.Errorf("looked at %d states", len(seen.Violations))
	}
	calls := newSnippets(t, s, tools)
	for language, text := range seen.Snippets {
		printed := calls.print(snippetCall{endpoint: "default/vendas-por-regiao", values: `{"data_inicio": "2026-01-01", "regiao": "Sul"}`},
			"acme", s.Exchange("acme", key).Access)[language]
		if strings.TrimSpace(text) != strings.TrimSpace(printed) {
			t.Errorf("%s: the page shows\n%s\nand not\n%s", language, text, printed)
		}
	}
}

// snippets prints and runs the page's programs.
type snippets struct {
	*server
	node
}

type snippetCall struct{ endpoint, values string }

func newSnippets(t *testing.T, s *server, tools node) snippets {
	t.Helper()
	module, err := os.ReadFile("../docspage/assets/snippets.js")
	if err != nil {
		t.Fatal(err)
	}
	tools.write("snippets.mjs", module)
	return snippets{s, tools}
}

// print returns the programs of a call, by language.
func (s snippets) print(call snippetCall, company, token string) map[string]string {
	s.server.T.Helper()
	var page struct {
		Endpoints []json.RawMessage `json:"endpoints"`
	}
	s.Get("/api/v1/data-api", token).Want(http.StatusOK).Decode(&page)
	for _, endpoint := range page.Endpoints {
		var named struct{ Namespace, Slug string }
		mustDecode(s.server.T.(*testing.T), string(endpoint), &named)
		if named.Namespace+"/"+named.Slug != call.endpoint {
			continue
		}
		input, err := json.Marshal(map[string]any{
			"origin": strings.TrimSuffix(s.URL(""), "/"), "company": company, "endpoint": endpoint, "values": call.values,
		})
		if err != nil {
			s.server.T.Fatal(err)
		}
		cmd := exec.Command("node", "snippets_print.mjs")
		cmd.Dir, cmd.Stdin = s.dir(), bytes.NewReader(input)
		out, err := cmd.CombinedOutput()
		if err != nil {
			s.server.T.Fatalf("%v\n%s", err, out)
		}
		var programs map[string]string
		mustDecode(s.server.T.(*testing.T), string(out), &programs)
		return programs
	}
	s.server.T.Fatalf("%s is not listed", call.endpoint)
	return nil
}

func (s snippets) dir() string { return s.node.dir }

// languages says how a program is run: its file's name, and the command before it.
var languages = map[string]struct {
	file    string
	command []string
}{
	"curl":       {"call.sh", []string{"sh"}},
	"python":     {"call.py", []string{"python3"}},
	"pandas":     {"frame.py", []string{"python3"}},
	"javascript": {"call.mjs", []string{"node"}},
	"powerquery": {"call.pq", []string{"node", "powerquery.mjs"}},
	"appsscript": {"call.gs", []string{"node", "appsscript.mjs"}},
}

// execute runs a program as it is printed, with nothing but the key in its environment.
func (s snippets) execute(language, text string, key credentials) (string, error) {
	s.server.T.Helper()
	how := languages[language]
	s.write(how.file, []byte(text))
	cmd := exec.Command(how.command[0], append(how.command[1:], how.file)...)
	cmd.Dir = s.dir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PYTHONUTF8=1", "DATA_API_KEY=" + key.Key, "DATA_API_SECRET=" + key.Secret}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Every program of every endpoint runs as it is printed, and prints the rows that the endpoint has.
func TestSnippetsRunAsTheyStand(t *testing.T) {
	s := demoServer(t)
	calls := newSnippets(t, s, installNode(t, "browser"))
	hasPandas := exec.Command("python3", "-c", "import pandas").Run() == nil
	for user, list := range map[string][]snippetCall{
		"acme/integration": {
			{"default/vendas-por-regiao", `{"data_inicio": "2026-01-01"}`},
			{"default/relatorio-mensal", `{"mes": "2026-03"}`},
			{"housing/by-year", `{"cities": ["Austin", "Waco"], "from_year": 2014, "to_year": 2014}`},
			{"housing/top-markets", `{"year": 2014, "top": 3}`},
		},
		"acme/housing-reader":  {{"housing/by-city", `{"city": "Austin", "from_year": 2014, "to_year": 2014}`}},
		"globex/austin-office": {{"housing/moving-average", `{"since": "2015-01-01"}`}},
	} {
		company, name, _ := strings.Cut(user, "/")
		key := s.CreateKey(company, name)
		token := s.Exchange(company, key).Access
		for _, call := range list {
			rows := s.rowsOf(token, call)
			for language, text := range calls.print(call, company, token) {
				if language == "pandas" && !hasPandas {
					// pandas is not here: what comes before it is the program that runs without it.
					plain, _, _ := strings.Cut(calls.print(call, company, token)["python"], "for row in")
					if !strings.HasPrefix(text, plain) {
						t.Errorf("%s, pandas: does not begin as the program without it:\n%s", call.endpoint, text)
					}
					t.Logf("%s, pandas: its last four lines are not run, since pandas is not installed", call.endpoint)
					continue
				}
				out, err := calls.execute(language, text, key)
				if err != nil {
					t.Errorf("%s, %s: %v\n%s\n%s", call.endpoint, language, err, out, text)
					continue
				}
				for _, value := range rows {
					if !strings.Contains(out, value) {
						t.Errorf("%s, %s: %s is missing in\n%s", call.endpoint, language, value, out)
					}
				}
			}
		}
	}
}

// rowsOf returns the first value of each row that a call has.
func (s *server) rowsOf(token string, call snippetCall) []string {
	s.T.Helper()
	answer := s.Send(http.MethodPost, "/api/v1/data-api/"+call.endpoint+"/execute?rows_as=arrays", token,
		`{"parameter_values":`+call.values+`}`, "Prefer", "wait=60").Want(http.StatusOK)
	var result struct {
		Rows [][]json.RawMessage `json:"rows"`
	}
	answer.Decode(&result)
	if len(result.Rows) == 0 {
		s.T.Fatalf("%s has no rows: %s", call.endpoint, answer.Body)
	}
	var first []string
	for _, row := range result.Rows {
		first = append(first, strings.Trim(string(row[0]), `"`))
	}
	return first
}

// Whatever is in a value comes through every language's quotes.
func TestSnippetsQuote(t *testing.T) {
	s := newServer(t, serverConfig{
		sources: engines[0].Source(t, t.TempDir(), sales).Directive(),
		files:   map[string]string{"acme/default/echo.sql": "/*---\nsource: main\nparams: { p: { type: string } }\n---*/\nSELECT @p AS p\n"},
	})
	calls := newSnippets(t, s, installNode(t, "browser"))
	key := s.CreateKey("acme", "integration")
	token := s.Exchange("acme", key).Access
	for _, value := range []string{`it's`, `say "hi"`, `back\slash \n`, `$HOME $(id) ${x}`, "`id`", `#(lf) #(#)(`, `tail\`, `é 😀 ção`, `%41 &amp; <b>`, `' + ''' """`} {
		text, err := json.Marshal(map[string]string{"p": value})
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte(`\u0026`), []byte("&"))
		for language, program := range calls.print(snippetCall{"default/echo", string(text)}, "acme", token) {
			if language == "pandas" {
				continue // as python, up to its last lines
			}
			out, err := calls.execute(language, program, key)
			quoted, _ := json.Marshal(value)
			inJavaScript := strings.ReplaceAll(value, `\`, `\\`) // as console.table writes it
			unescaped := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(quoted))
			if err != nil || !strings.Contains(out, value) && !strings.Contains(out, unescaped) && !strings.Contains(out, inJavaScript) {
				t.Errorf("%s: %s is not in %v\n%s\n%s", language, value, err, out, program)
			}
		}
	}
}
