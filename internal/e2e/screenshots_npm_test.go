//go:build npm

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// showcase is a site on which every view has something to show, and another company's, on which none has.
type showcase struct {
	consoleSite
	key, empty     credentials
	good, bad, job string // ids: a job whose callback was taken, one whose callback was not, one that has failed
}

func newShowcase(t *testing.T) showcase {
	t.Helper()
	s := showcase{consoleSite: newConsoleSite(t, signInOptions(t, servertest.NewSignInProvider(t, "a secret of the console's")))}
	s.WriteCatalog("globex/company.yaml", "users:\n  new: { policies: [CompanyAdministrator] }\n")
	for _, name := range []string{"vendas-por-regiao", "long-texts"} {
		text, err := os.ReadFile(path.Join("testdata/showcase", name+".sql"))
		if err != nil {
			t.Fatal(err)
		}
		s.WriteCatalog("acme/default/"+name+".sql", string(text))
	}
	front := func(more, statement string) string {
		return "/*---\nsource: main\n" + more + "---*/\n" + statement + "\n"
	}
	years := "WITH RECURSIVE c (year) AS (SELECT 2000 UNION ALL SELECT year + 1 FROM c WHERE year < 2015) SELECT year, (year * 37) % 101 AS sales FROM c"
	var columns []string
	for i := range 50 {
		columns = append(columns, fmt.Sprintf("n * %d AS column_%d", i, i))
	}
	for name, text := range map[string]string{
		"housing/by-year":   front("title: Years\nchart: { type: bar, x: year, y: [sales] }\n", years),
		"housing/truncated": front("title: Some of the years\nlimits: { max_rows: 10 }\nchart: { type: area, x: year, y: [sales] }\n", years),
		"housing/many": front("title: Ten thousand rows\nlimits: { max_rows: 10000 }\n",
			"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10000) SELECT n AS id, date('1999-01-01', n || ' days') AS day, "+
				"CASE n % 3 WHEN 0 THEN 'Sul' WHEN 1 THEN 'Norte' ELSE 'Sudeste' END AS region, round(1000 + (n * 7919) % 997 * 0.37, 2) AS amount, "+
				"'Order ' || n || ', as the customer has asked for it' AS note FROM c"),
		"default/wide":     front("title: Fifty columns\n", "SELECT "+strings.Join(columns, ", ")+" FROM numbers"),
		"default/nothing":  front("title: No rows\n", "SELECT n, name FROM numbers WHERE n < 0"),
		"default/refused":  front("title: A run that fails\n", "SELECT abs(-9223372036854775807 - n) AS n FROM numbers"),
		"default/too-slow": front("title: A job that fails\nmode: async\nlimits: { timeout: 1s }\n", slowStatement),
		"default/broken":   front("title: At fault\nmode: sink\nparams: { city: { type: txt } }\n", "SELECT n FROM nowhere"),
		"default/old":      front("title: An old one\ndeprecated: 2026-01-01\nsunset: 2099-12-31\n", "SELECT n FROM numbers"),
	} {
		s.WriteCatalog("acme/"+name+".sql", text)
	}
	s.reloadCatalog(t)
	s.fill(t)
	s.key, s.empty = s.CreateKey("acme", "ana"), s.CreateKey("globex", "new")
	return s
}

const slowStatement = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000000000) SELECT count(*) AS n FROM c"

// reloadCatalog waits until the server has read what was written.
func (s showcase) reloadCatalog(t *testing.T) {
	t.Helper()
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
}

// fill makes revisions, users, keys, calls and jobs.
func (s *showcase) fill(t *testing.T) {
	t.Helper()
	text := "/*---\ntitle: Made in the console\ndescription: The numbers and their names.\nsource: main\n---*/\nSELECT n, name\nFROM numbers\nORDER BY n\n"
	for i, order := range []string{"n", "name", "name DESC"} {
		body, _ := json.Marshal(map[string]string{"text": strings.Replace(text, "ORDER BY n", "ORDER BY "+order, 1), "message": fmt.Sprintf("Ordered by %s, as sales has asked", order)})
		condition, want := []string{"If-None-Match", "*"}, http.StatusCreated
		if i > 0 {
			condition, want = []string{"If-Match", "*"}, http.StatusOK
		}
		s.Send(http.MethodPut, "/api/v1/data-api/default/vendas-console", s.admin, string(body), condition...).Want(want)
	}
	s.Send(http.MethodPut, "/api/v1/users/housing-reader", s.admin,
		`{"display_name": "Market research", "policies": ["DataAPIConsumer"], "share_context": {"regiao": ["Sul", "Sudeste"]}}`, "If-None-Match", "*").Want(http.StatusCreated)
	for _, name := range []string{"ERP", "Notebook of the analyst who looks after the reports of the southern region"} {
		s.Send(http.MethodPost, "/api/v1/keys", s.admin, `{"user": "housing-reader", "name": "`+name+`"}`).Want(http.StatusCreated)
	}
	for _, link := range []string{
		`{"name": "Planilha de vendas do Sul", "format": "csv", "options": {"csv_for": "excel", "csv_locale": "pt-BR"},
			"parameter_values": {"data_inicio": "2026-01-01", "minimo": 1.20, "cidades": ["Curitiba", "Recife"]}, "free": ["regiao", "data_fim"], "expires_in": 2592000}`,
		`{"format": "json", "parameter_values": {"data_inicio": "2026-01-01"}, "uses": 3}`,
	} {
		s.Send(http.MethodPost, "/api/v1/data-api/default/vendas-por-regiao/links", s.admin, link).Want(http.StatusCreated)
	}
	for _, endpoint := range []string{"housing/by-year", "housing/by-year", "default/wide", "default/vendas-console", "default/refused", "default/refused", "housing/truncated"} {
		s.Send(http.MethodPost, "/api/v1/data-api/"+endpoint+"/execute", s.admin, `{"parameter_values": {}}`)
	}
	ask := func(what string) string { return s.answer(t, consoleAsk{Ask: what}).(map[string]string)["id"] }
	s.good = ask("delivery")
	s.hook.Status.Store(http.StatusGone) // which ends a delivery
	s.bad = ask("delivery")
	var job struct {
		ID string `json:"job_id"`
	}
	s.Send(http.MethodPost, "/api/v1/data-api/default/too-slow/execute", s.admin, `{"parameter_values": {}}`).Want(http.StatusAccepted).Decode(&job)
	s.job = job.ID
}

// Every view in four sizes and two themes, as pictures: none is wider than its window, and axe-core finds nothing in any.
// `make screenshots` keeps them.
func TestScreenshots(t *testing.T) {
	program := chromium(t)
	site := newShowcase(t)
	into := cmp.Or(os.Getenv("DATA_API_TEST_SCREENSHOTS"), t.TempDir())
	given, err := json.Marshal(map[string]any{
		"company": "acme", "key": site.key.Key, "secret": site.key.Secret, "good": site.good, "bad": site.bad, "job": site.job,
		"empty": map[string]string{"company": "globex", "key": site.empty.Key, "secret": site.empty.Secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "scripts/screenshots.mjs", program, strings.TrimSuffix(site.URL(""), "/"), into)
	cmd.Dir = installWeb(t).dir
	cmd.Stdin = strings.NewReader(string(given))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
