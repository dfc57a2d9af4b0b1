//go:build npm

package e2e

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
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
	Ask, Key, Secret, Endpoint, Values, From, To, ID string
	Report                                           *consoleReport
}

// consoleSite is a server with an administrator, a table, and somebody who receives callbacks.
type consoleSite struct {
	*server
	hook  *servertest.Hook
	admin string // an access token
}

func newConsoleSite(t *testing.T) consoleSite {
	t.Helper()
	hook := servertest.NewHook(t)
	database := servertest.SQLite(t, t.TempDir(), `CREATE TABLE numbers (n INTEGER, name TEXT); INSERT INTO numbers VALUES (1, 'one'), (2, 'two'), (3, 'three')`)
	s := newServer(t, serverConfig{
		sources: database.Directive() + " {\n\t\t\tauthors acme\n\t\t}",
		options: "callbacks {\n\t\t\tallow " + hook.Host() + "\n\t\t}",
		files: map[string]string{
			"acme/company.yaml": "name: Acme\nusers:\n  ana: { name: Ana, policies: [CompanyAdministrator] }\n",
			"acme/default/slow.sql": "/*---\nsource: main\nmode: async\ncolumns: { n: { type: bigint } }\n---*/\n" +
				"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000000000) SELECT count(*) AS n FROM c\n",
			"acme/default/quick.sql": "/*---\nsource: main\nmode: async\n---*/\nSELECT n FROM numbers\n",
		},
	})
	key := s.CreateKey("acme", "ana")
	return consoleSite{s, hook, s.Exchange("acme", key).Access}
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
	program := chromium(t)
	site := newConsoleSite(t)
	cmd := exec.CommandContext(t.Context(), "node", "test/console.mjs", program, strings.TrimSuffix(site.URL(""), "/"), site.link(t), "numbers")
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
	var seen *consoleReport
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var ask consoleAsk
		mustDecode(t, lines.Text(), &ask)
		if ask.Report != nil {
			seen = ask.Report
			_ = in.Close() // nothing more is answered: the script ends
			continue
		}
		told, _ := json.Marshal(site.answer(t, ask))
		fmt.Fprintf(in, "%s\n", told)
	}
	if err := cmd.Wait(); err != nil || seen == nil {
		t.Fatalf("driving the browser: %v, %v", err, lines.Err())
	}
	seen.hold(t)
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

// Every view in four sizes and two themes, as pictures: none is wider than its window, and axe-core finds nothing in any.
// `make screenshots` keeps them.
func TestScreenshots(t *testing.T) {
	program := chromium(t)
	site := newConsoleSite(t)
	site.WriteCatalog("acme/default/vendas-por-regiao.sql", "/*---\ntitle: Vendas por região\ndescription: Total vendido **por região**.\nsource: main\n"+
		"params:\n  regiao: { type: string, max_length: 40, example: two }\n---*/\nSELECT name, n FROM numbers WHERE @regiao IS NULL OR name = @regiao\n")
	site.WriteCatalog("acme/housing/by-year.sql", "/*---\ntitle: Years\nsource: main\n---*/\n"+
		"WITH RECURSIVE c (year) AS (SELECT 2000 UNION ALL SELECT year + 1 FROM c WHERE year < 2015) SELECT year, (year * 37) % 101 AS sales FROM c\n")
	text := "/*---\ntitle: Made in the console\nsource: main\n---*/\nSELECT n, name FROM numbers ORDER BY n\n"
	for i, change := range []string{"", "ORDER BY name"} {
		body, _ := json.Marshal(map[string]string{"text": strings.Replace(text, "ORDER BY n", cmp.Or(change, "ORDER BY n"), 1), "message": fmt.Sprint("Version ", i+1)})
		condition := []string{"If-None-Match", "*"}
		if i > 0 {
			condition = []string{"If-Match", "*"}
		}
		site.Send(http.MethodPut, "/api/v1/data-api/default/vendas-console", site.admin, string(body), condition...)
	}
	site.Send(http.MethodPut, "/api/v1/users/housing-reader", site.admin,
		`{"display_name": "Market research", "policies": ["DataAPIConsumer"], "share_context": {"regiao": {"allowed": ["one", "two"]}}}`, "If-None-Match", "*").Want(http.StatusCreated)
	for _, name := range []string{"ERP", "Notebook"} {
		site.Send(http.MethodPost, "/api/v1/keys", site.admin, `{"user": "housing-reader", "name": "`+name+`"}`).Want(http.StatusCreated)
	}
	delivery := site.answer(t, consoleAsk{Ask: "delivery"}).(map[string]string)["id"]
	key := site.CreateKey("acme", "ana")
	into := cmp.Or(os.Getenv("DATA_API_TEST_SCREENSHOTS"), t.TempDir())
	cmd := exec.CommandContext(t.Context(), "node", "scripts/screenshots.mjs", program, strings.TrimSuffix(site.URL(""), "/"), "acme", key.Key, key.Secret, into)
	cmd.Dir = installWeb(t).dir
	cmd.Env = append(os.Environ(), "JOB="+delivery, "DELIVERY="+delivery)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
