//go:build npm

// These tests need Node.js, npm and its registry, and Chromium. They are run by `make browser`, fail where something is missing, and
// say what.

package e2e

import (
	"bytes"
	"os/exec"
	"strings"
	"sync"
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

var webInstalled sync.Once

// installWeb returns the directory of the console's sources, with what its scripts and its tests in the browser need.
func installWeb(t *testing.T) node {
	t.Helper()
	web := node{t, "../../web"}
	webInstalled.Do(func() { web.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund") })
	return web
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

// seenPage is what every test in the browser notes.
type seenPage struct {
	Requests, Foreign, Errors []string
	Findings                  map[string]axeReport
}

// check holds what is true of every view: nothing leaves the origin, the console has no error, and axe-core finds nothing, but in the
// states that are broken on purpose.
func (p seenPage) check(t *testing.T) {
	t.Helper()
	if len(p.Foreign) > 0 || len(p.Errors) > 0 {
		t.Errorf("requests left the origin: %q; the console has %q", p.Foreign, p.Errors)
	}
	for state, report := range p.Findings {
		broken := strings.HasPrefix(state, "broken")
		if (len(report.Found) > 0) != broken || report.Passed < 15 {
			t.Errorf("axe-core, %s: %d rules passed, found %+v", state, report.Passed, report.Found)
		}
	}
}

// drive runs a script of web/test, and decodes what it prints.
func drive(t *testing.T, target any, script string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"test/" + script}, args...)...)
	cmd.Dir = installWeb(t).dir
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("driving the browser: %v\n%s", err, problems.Bytes())
	}
	mustDecode(t, string(out), target)
}
