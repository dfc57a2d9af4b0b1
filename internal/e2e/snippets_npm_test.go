//go:build npm

// These tests need Node.js, npm and its registry, curl and Python; R and pandas where they are. They are run by `make browser`.

package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// snippets prints and runs the page's programs.
type snippets struct {
	*server
	node
	web node
}

type snippetCall struct{ endpoint, values string }

func newSnippets(t *testing.T, s *server, tools node) snippets {
	t.Helper()
	return snippets{s, tools, installWeb(t)}
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
		cmd := exec.Command("node", "scripts/programs.mjs")
		cmd.Dir, cmd.Stdin = s.web.dir, bytes.NewReader(input)
		out, err := cmd.Output()
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
	"typescript": {"call.mts", []string{"node", "typescript.mjs"}},
	"javascript": {"call.mjs", []string{"node"}},
	"r":          {"call.R", []string{"Rscript", "--vanilla"}},
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
	hasR := exec.Command("Rscript", "--vanilla", "-e", "library(httr2); library(jsonlite)").Run() == nil
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
				if language == "r" && !hasR {
					t.Logf("%s, R: it is not run, since Rscript with httr2 and jsonlite is not installed", call.endpoint)
					continue
				}
				if language == "pandas" && !hasPandas {
					// pandas is not here: what comes before it is the program that runs without it.
					plain, _, _ := strings.Cut(calls.print(call, company, token)["python"], "for row in")
					if !strings.HasPrefix(text, plain) {
						t.Errorf("%s, pandas: does not begin as the program without it:\n%s", call.endpoint, text)
					}
					t.Logf("%s, pandas: its last lines are not run, since pandas is not installed", call.endpoint)
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
	hasR := exec.Command("Rscript", "--vanilla", "-e", "library(httr2); library(jsonlite)").Run() == nil
	for _, value := range []string{`it's`, `say "hi"`, `back\slash \n`, `$HOME $(id) ${x}`, "`id`", `#(lf) #(#)(`, `tail\`, `é 😀 ção`, `%41 &amp; <b>`, `' + ''' """`} {
		text, err := json.Marshal(map[string]string{"p": value})
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte(`\u0026`), []byte("&"))
		for language, program := range calls.print(snippetCall{"default/echo", string(text)}, "acme", token) {
			if language == "pandas" || language == "r" && !hasR {
				continue // pandas is as python, up to its last lines
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
