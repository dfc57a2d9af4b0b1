//go:build npm

package e2e

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// consoleReport is what web/test/console.mjs has seen.
type consoleReport struct {
	seenPage
	Address, User, Line, Saved, Usage, Restored, Merged, LinkAgain string
	Fault                                                          struct{ Word, Text string }
	Completed, Columns, Versions, Conflict                         []string
	Preview                                                        [][]string
	Draft, Cancelled                                               bool
	Took                                                           map[string]float64
	Stored                                                         struct {
		Local   []string
		Session int
		Cookies string
	}
}

// consoleAsk is what the script wants done outside of the browser.
type consoleAsk struct {
	Ask, Key, Secret, Endpoint, Values, From, To, ID, Sub string
	Denial                                                url.Values
	Down                                                  int
	Report                                                json.RawMessage
}

// consoleSite is a server with an administrator, a table, and somebody who receives callbacks.
type consoleSite struct {
	*server
	hook     *servertest.Hook
	provider *servertest.SignInProvider // at which acme's people sign in; nil: nowhere
	admin    string                     // an access token
}

func newConsoleSite(t *testing.T, options ...string) consoleSite {
	t.Helper()
	hook := servertest.NewHook(t)
	database := servertest.SQLite(t, t.TempDir(), `CREATE TABLE numbers (n INTEGER, name TEXT); INSERT INTO numbers VALUES (1, 'one'), (2, 'two'), (3, 'three')`)
	s := newServer(t, serverConfig{
		sources: database.Directive() + " {\n\t\t\tauthors acme\n\t\t}",
		options: strings.Join(append(options, "callbacks {\n\t\t\tallow "+hook.Host()+"\n\t\t}"), "\n\t\t"),
		files: map[string]string{
			"acme/company.yaml": "name: Acme\nusers:\n  ana: { name: Ana, policies: [CompanyAdministrator] }\n",
			"acme/default/slow.sql": "/*---\nsource: main\nmode: async\ncolumns: { n: { type: bigint } }\n---*/\n" +
				"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000000000) SELECT count(*) AS n FROM c\n",
			"acme/default/quick.sql": "/*---\nsource: main\nmode: async\n---*/\nSELECT n FROM numbers\n",
		},
	})
	key := s.CreateKey("acme", "ana")
	return consoleSite{server: s, hook: hook, admin: s.Exchange("acme", key).Access}
}

func (c consoleSite) link(t *testing.T) string {
	t.Helper()
	out := c.mustCLI(c.server.admin("console-link", "--company", "acme", "--user", "ana", "--url", strings.TrimSuffix(c.URL(""), "/"))...)
	link, _, _ := strings.Cut(out, "\n")
	return strings.TrimSpace(link)
}

// answer does what the script asks for, and returns what it is told.
func (c consoleSite) answer(t *testing.T, ask consoleAsk) any {
	t.Helper()
	token := c.admin
	if ask.Key != "" {
		token = c.Exchange("acme", credentials{Key: ask.Key, Secret: ask.Secret}).Access
	}
	accept := func(endpoint, more string) map[string]string {
		var job struct {
			ID string `json:"job_id"`
		}
		c.Send(http.MethodPost, "/api/v1/data-api/default/"+endpoint+"/execute", token, `{"parameter_values": {}`+more+`}`).Want(http.StatusAccepted).Decode(&job)
		return map[string]string{"id": job.ID}
	}
	switch ask.Ask {
	case "call":
		out, err := exec.Command("curl", "-sS", "--fail-with-body", c.URL("/api/v1/data-api/"+ask.Endpoint+"/execute?rows_as=arrays"),
			"-H", "Authorization: Bearer "+token, "-H", "Content-Type: application/json", "-d", `{"parameter_values": `+ask.Values+`}`).CombinedOutput()
		if err != nil || !strings.Contains(string(out), `[[2,"two"],[3,"three"]]`) {
			t.Errorf("curl: %v\n%s", err, out)
		}
		return string(out)
	case "job":
		return accept("slow", "")
	case "delivery":
		before := len(c.hook.Payloads())
		made := accept("quick", fmt.Sprintf(`, "callback_url": %q`, c.hook.URL))
		c.hook.Await(t, before)
		return made
	case "received":
		c.hook.Await(t, 1)
		return nil
	case "provider":
		c.provider.Become(func(p *servertest.SignInProvider) {
			p.Change, p.Denial, p.Down = servertest.Changes{"sub": cmp.Or(ask.Sub, "ana")}, ask.Denial, ask.Down
		})
		return nil
	case "edit":
		path := "/api/v1/data-api/" + ask.Endpoint
		var endpoint struct{ Text string }
		c.Get(path, token).Want(http.StatusOK).Decode(&endpoint)
		text, _ := json.Marshal(map[string]string{"text": strings.Replace(endpoint.Text, ask.From, ask.To, 1), "message": "from elsewhere"})
		c.Send(http.MethodPut, path, token, string(text), "If-Match", "*").Want(http.StatusOK)
		return nil
	}
	t.Fatalf("the script asks for %q", ask.Ask)
	return nil
}

// From a one-time link to the first row by a new key, and through all that an administrator does, in a real browser: an endpoint from
// nothing with a fault on purpose, a user and a key, a job that is cancelled, a delivery that is sent again, a revision that is
// restored, a stale save that is merged, and out.
func TestConsoleInChromium(t *testing.T) {
	var seen consoleReport
	site := newConsoleSite(t)
	site.converse(t, &seen, "console.mjs", site.link(t), "numbers")
	seen.hold(t)
}

// converse runs a script of web/test, does what it asks for meanwhile, and decodes what it reports at its end.
func (c consoleSite) converse(t *testing.T, report any, script string, args ...string) {
	t.Helper()
	args = append([]string{"test/" + script, chromium(t), strings.TrimSuffix(c.URL(""), "/")}, args...)
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = installWeb(t).dir
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reported := false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var ask consoleAsk
		mustDecode(t, lines.Text(), &ask)
		if ask.Report != nil {
			mustDecode(t, string(ask.Report), report)
			reported = true
			_ = in.Close() // nothing more is answered: the script ends
			continue
		}
		told, _ := json.Marshal(c.answer(t, ask))
		fmt.Fprintf(in, "%s\n", told)
	}
	if err := cmd.Wait(); err != nil || !reported {
		t.Fatalf("driving the browser: %v, %v", err, lines.Err())
	}
}

func (r *consoleReport) hold(t *testing.T) {
	t.Helper()
	r.check(t)
	if strings.Contains(r.Address, "code=") || !strings.Contains(r.User, "Ana") {
		t.Errorf("after the link: %s, %q", r.Address, r.User)
	}
	if r.Fault.Word != "sink" || !strings.Contains(r.Fault.Text, "sync") {
		t.Errorf("the fault: %+v", r.Fault)
	}
	if !slices.Contains(r.Completed, "sync") || r.Line != "mode: sync" || !strings.Contains(strings.Join(r.Columns, " "), "name") {
		t.Errorf("completion: %q made %q; of a column %q", r.Completed, r.Line, r.Columns)
	}
	if len(r.Preview) != 3 || !r.Draft || !strings.HasSuffix(r.Saved, "/console/endpoints/default/made-here") {
		t.Errorf("preview %q, the draft is kept: %v, saved at %s", r.Preview, r.Draft, r.Saved)
	}
	if !strings.Contains(r.Usage, "robot") || !r.Cancelled {
		t.Errorf("usage %q, cancelled %v", r.Usage, r.Cancelled)
	}
	if len(r.Versions) < 3 || r.Restored != "Made here" {
		t.Errorf("versions %q, restored %q", r.Versions, r.Restored)
	}
	if len(r.Conflict) != 3 || !strings.Contains(r.Conflict[0], "My title") || !strings.Contains(r.Conflict[2], "Their title") || r.Merged != "My title" {
		t.Errorf("the conflict %q became %q", r.Conflict, r.Merged)
	}
	if !strings.Contains(r.LinkAgain, "UNAUTHENTICATED") || r.Stored.Cookies != "" || r.Stored.Session != 0 {
		t.Errorf("the link again: %q; a script sees %+v", r.LinkAgain, r.Stored)
	}
	took := time.Duration(r.Took["row"]) * time.Millisecond
	t.Logf("from the link to the first row by a new key: %v; all of it: %.0f ms", took, r.Took["all"])
	if took > 3*time.Minute {
		t.Errorf("from the link to the first row it took %v", took)
	}
}
