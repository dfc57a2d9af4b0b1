//go:build npm

// These tests need Node.js, npm and its registry. They are run by `make interop`, fail where something is missing, and say
// what.

package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// node is a directory with the programs of a directory in testdata, at the versions that its lock file names.
type node struct {
	t   testing.TB
	dir string
}

func installNode(t testing.TB, from string) node {
	t.Helper()
	n := node{t, t.TempDir()}
	if err := os.CopyFS(n.dir, os.DirFS(filepath.Join("testdata", from))); err != nil {
		t.Fatal(err)
	}
	n.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	return n
}

// run runs a program in the directory, and returns what it prints.
func (n node) run(program string, args ...string) string {
	n.t.Helper()
	out, err := n.try(program, args...)
	if err != nil {
		n.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

func (n node) try(program string, args ...string) (string, error) {
	n.t.Helper()
	if _, err := exec.LookPath(program); err != nil && !strings.HasPrefix(program, ".") {
		n.t.Fatalf("this test needs %s, which Node.js brings: %v", program, err)
	}
	cmd := exec.CommandContext(n.t.Context(), program, args...)
	cmd.Dir = n.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (n node) write(name string, content []byte) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), content, 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// Two linters have no error to report of any caller's document, and would have.
func TestOpenAPIPassesLinters(t *testing.T) {
	s, tools := demoServer(t), installNode(t, "openapi")
	for _, user := range []string{"acme/integration", "acme/housing-reader", "globex/austin-office"} {
		company, name, _ := strings.Cut(user, "/")
		body := s.Get("/api/v1/data-api/openapi.json", s.Login(company, name).Access).Want(http.StatusOK).Body
		tools.write("openapi.json", body)
		t.Logf("%s\n%s\n%s", user, lastLines(tools.run("npx", "redocly", "lint", "--extends", "recommended", "openapi.json"), 3),
			lastLines(tools.run("npx", "spectral", "lint", "--ruleset", "spectral.yaml", "openapi.json"), 3))
		tools.write("broken.json", []byte(strings.Replace(string(body), `"operationId":"execute`, `"operationid":"execute`, 1)))
		for _, args := range [][]string{
			{"redocly", "lint", "--extends", "recommended", "broken.json"}, {"spectral", "lint", "--ruleset", "spectral.yaml", "--fail-severity", "warn", "broken.json"},
		} {
			if out, err := tools.try("npx", args...); err == nil {
				t.Errorf("%s sees nothing wrong in a broken document:\n%s", args[0], out)
			}
		}
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Two generators make clients whose types tsc checks, and which run the demo's endpoints.
func TestOpenAPIClients(t *testing.T) {
	s, tools := demoServer(t), installNode(t, "openapi")
	key := s.CreateKey("acme", "integration")
	tools.write("openapi.json", s.Get("/api/v1/data-api/openapi.json", s.Exchange("acme", key).Access).Want(http.StatusOK).Body)
	tools.run("npx", "openapi-typescript", "openapi.json", "-o", "api.d.ts")
	tools.run("npx", "openapi-ts")
	tools.run("npx", "tsc")
	for _, program := range []string{"out/fetch.js", "out/sdk.js"} {
		got := tools.run("node", program, strings.TrimSuffix(s.URL(""), "/"), "acme", key.Key, key.Secret)
		want := "Sul 150000\ncompleted 5 Centro-Oeste,Nordeste,Norte,Sudeste,Sul\nINVALID_PARAMETER regiao\n"
		if got != want {
			t.Errorf("%s prints\n%s", program, got)
		}
	}
}
