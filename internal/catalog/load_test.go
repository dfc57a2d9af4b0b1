package catalog_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/source"
	"github.com/solucao42/caddy-data-api/source/sqltext"
)

// dialects are those of the built-in sources.
var dialects = []source.Dialect{
	sqltext.Rules{NestedComments: true, DollarQuotes: true, EscapeStrings: true}, sqltext.Rules{Backticks: true, Brackets: true},
}

// files is a catalog as it is written, by path below the root.
type files map[string]string

func (f files) with(more files) files {
	all := files{}
	for _, set := range []files{f, more} {
		maps.Copy(all, set)
	}
	return all
}

// write puts a file in its place in one step: a reader must not find an empty one meanwhile.
func write(t testing.TB, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path+"~", []byte(text), 0o644), os.Rename(path+"~", path)); err != nil {
		t.Fatal(err)
	}
}

func build(t testing.TB, tree files) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "catalog")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range tree {
		write(t, root, name, text)
	}
	return root
}

const vendas = `/*---
title: Vendas por região
description: |
  Total vendido por região
  a partir de uma data.
source: demo
mode: sync
params:
  data_inicio: { type: date, required: true, example: 2026-01-01 }
  regiao: { type: string, max_length: 40, example: Sul }
  valores: { type: array<decimal>, default: [1.50, 2], maximum: 1e3 }
limits: { timeout: 5s, max_rows: 1000 }
columns:
  total: { type: decimal, scale: 2 }
share:
  globex: { regiao: [Sul, Sudeste], data_inicio: { minimum: 2025-01-01 } }
---*/
SELECT regiao, SUM(total) AS total
FROM vendas
WHERE data >= @data_inicio AND (@regiao IS NULL OR regiao = @regiao) AND 'a@b' <> "x@y" -- @comment
  AND valor = ANY (@valores)
GROUP BY regiao ORDER BY regiao
`

const acme = `name: ACME S.A.
users:
  erp:
    name: ERP integration
    policies: [DataAPIConsumer, Vendas]
    share_context: { regiao: Sul }
  old: { active: false }
callbacks:
  hosts: [Hooks.example.com, "*.acme.com"]
policies:
  Vendas:
    description: Only sales.
    grants:
      - { actions: ["data_api:execute", "data_api:get_job"], endpoints: [default/vendas-*] }
`

var sound = files{
	"acme/company.yaml":                  acme,
	"acme/default/vendas-por-regiao.sql": vendas,
	"globex/company.yaml":                "name: Globex\n",
}

func TestLoad(t *testing.T) {
	root := build(t, sound.with(files{
		"README.md": "x", "acme/.git/config": "x", "acme/default/.vendas.sql.swp": "x", "acme/default/vendas.sql~": "x",
	}))
	snapshot, err := catalog.Load(root, dialects...)
	if err != nil {
		t.Fatal(err)
	}
	company, _ := snapshot.Company("acme")
	if !slices.Equal(company.CallbackHosts, []string{"hooks.example.com", "*.acme.com"}) {
		t.Errorf("callback hosts: %q", company.CallbackHosts)
	}
	endpoint, shared, ok := snapshot.Find("acme", "default", "vendas-por-regiao")
	if !ok || shared != nil {
		t.Fatal("the endpoint is not found by its own company")
	}
	if endpoint.Title != "Vendas por região" || endpoint.Description != "Total vendido por região\na partir de uma data." ||
		endpoint.Source != "demo" || endpoint.Mode != catalog.Sync || !endpoint.Active ||
		endpoint.Limits != (catalog.Limits{Timeout: 5 * time.Second, JobTimeout: 5 * time.Second, MaxRows: 1000}) || len(endpoint.Revision) != 16 {
		t.Errorf("%+v", endpoint)
	}
	statement := endpoint.Statement
	if !strings.HasPrefix(statement.SQL, "SELECT regiao") || !strings.HasSuffix(statement.SQL, "ORDER BY regiao") || statement.MaxRows != 1000 {
		t.Errorf("%+v", statement)
	}
	if spec := statement.Columns["total"]; spec.Type != source.TypeDecimal || *spec.Scale != 2 {
		t.Errorf("%+v", spec)
	}
	if len(statement.Params) != 3 || statement.Params[0].Name != "data_inicio" || statement.Params[0].Type != source.ParamDate ||
		!statement.Params[2].Array || statement.Params[2].Type != source.ParamDecimal {
		t.Errorf("%+v", statement.Params)
	}
	values, err := endpoint.Contract.Bind([]byte(`{"data_inicio":"2026-01-01"}`))
	if err != nil || values[2].Items[0].Text != "1.50" {
		t.Errorf("%+v, %v", values, err)
	}

	same, shared, ok := snapshot.Find("globex", "default", "vendas-por-regiao")
	if !ok || same != endpoint || len(shared) != 2 || string(shared["regiao"].Allowed[1]) != `"Sudeste"` ||
		string(shared["data_inicio"].Minimum) != `"2025-01-01"` {
		t.Errorf("shared: %v %+v", ok, shared)
	}

	company, _ = snapshot.Company("acme")
	user := company.Users["erp"]
	if company.Name != "ACME S.A." || user.DisplayName != "ERP integration" || len(user.Policies) != 2 ||
		string(user.ShareContext["regiao"].Allowed[0]) != `"Sul"` || company.Users["old"].Active {
		t.Errorf("%+v %+v", company, user)
	}
	grant := company.Policies["Vendas"].Grants[0]
	if len(grant.Actions) != 2 || grant.Endpoints[0] != "default/vendas-*" {
		t.Errorf("%+v", grant)
	}
	if len(snapshot.Companies()) != 2 || len(snapshot.Endpoints()) != 1 {
		t.Error("Companies or Endpoints")
	}
}

func TestPosition(t *testing.T) {
	snapshot, err := catalog.Load(build(t, files{
		"a/company.yaml": "", "a/n/s.sql": "/*---\r\nsource: demo\r\n---*/\r\n\r\n  SELECT 'é', x\r\nFROM t",
	}), dialects...)
	if err != nil {
		t.Fatal(err)
	}
	endpoint, _, _ := snapshot.Find("a", "n", "s")
	for _, test := range []struct {
		offset, line, column int
	}{
		{0, 5, 3}, {strings.Index(endpoint.Statement.SQL, "x"), 5, 15}, {strings.Index(endpoint.Statement.SQL, "FROM"), 6, 1},
		{len(endpoint.Statement.SQL), 6, 7}, {-1, 5, 3}, {9999, 5, 3},
	} {
		if line, column := endpoint.Position(test.offset); line != test.line || column != test.column {
			t.Errorf("offset %d: got %d:%d, want %d:%d", test.offset, line, column, test.line, test.column)
		}
	}
}

const minimal = "/*---\nsource: demo\n---*/\nSELECT 1 AS n\n"

// find says what a company reaches under default/s.
func find(snapshot *catalog.Snapshot, company string) string {
	endpoint, _, ok := snapshot.Find(company, "default", "s")
	if !ok {
		return "nothing"
	}
	return endpoint.Address.String()
}

func TestFindResolvesSharesAndHidesTheRest(t *testing.T) {
	shared := "/*---\nsource: demo\nshare: { globex: {} }\n---*/\nSELECT 1 AS n\n"
	inactive := "/*---\nsource: demo\nactive: false\nshare: { globex: {} }\n---*/\nSELECT 1 AS n\n"
	base := files{"acme/company.yaml": "", "globex/company.yaml": "", "initech/company.yaml": ""}
	for name, test := range map[string]struct {
		tree                  files
		acme, globex, initech string
	}{
		"shared":                       {files{"acme/default/s.sql": shared}, "acme/default/s", "acme/default/s", "nothing"},
		"not shared":                   {files{"acme/default/s.sql": minimal}, "acme/default/s", "nothing", "nothing"},
		"own goes first":               {files{"acme/default/s.sql": shared, "globex/default/s.sql": minimal}, "acme/default/s", "globex/default/s", "nothing"},
		"own that is inactive":         {files{"acme/default/s.sql": shared, "globex/default/s.sql": "/*---\nsource: demo\nactive: false\n---*/\nSELECT 1 AS n"}, "acme/default/s", "acme/default/s", "nothing"},
		"inactive":                     {files{"acme/default/s.sql": inactive}, "nothing", "nothing", "nothing"},
		"inactive owner":               {files{"acme/default/s.sql": shared, "acme/company.yaml": "active: false"}, "nothing", "nothing", "nothing"},
		"inactive share beside a live": {files{"acme/default/s.sql": shared, "initech/default/s.sql": inactive}, "acme/default/s", "acme/default/s", "nothing"},
	} {
		snapshot, err := catalog.Load(build(t, base.with(test.tree)), dialects...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a, g, i := find(snapshot, "acme"), find(snapshot, "globex"), find(snapshot, "initech"); a != test.acme || g != test.globex || i != test.initech {
			t.Errorf("%s: got %s, %s, %s", name, a, g, i)
		}
		if find(snapshot, "nobody") != "nothing" || find(snapshot, "") != "nothing" {
			t.Errorf("%s: an unknown company finds something", name)
		}
	}
}

func TestFindDoesNotAllocate(t *testing.T) {
	snapshot, err := catalog.Load(build(t, sound), dialects...)
	if err != nil {
		t.Fatal(err)
	}
	allocations := testing.AllocsPerRun(100, func() {
		if _, _, ok := snapshot.Find("globex", "default", "vendas-por-regiao"); !ok {
			t.Fatal("not found")
		}
		snapshot.Find("globex", "default", "missing")
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestRevisionFollowsTheText(t *testing.T) {
	one, err := catalog.Load(build(t, sound), dialects...)
	if err != nil {
		t.Fatal(err)
	}
	two, err := catalog.Load(build(t, sound.with(files{"acme/default/vendas-por-regiao.sql": vendas + " "})), dialects...)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := one.Find("acme", "default", "vendas-por-regiao")
	second, _, _ := two.Find("acme", "default", "vendas-por-regiao")
	if first.Revision == second.Revision {
		t.Error("two texts have one revision")
	}
}

// lines loads a tree that is at fault and returns its faults, with paths below the root.
func lines(t *testing.T, root string) string {
	t.Helper()
	_, err := catalog.Load(root, dialects...)
	faults, ok := errors.AsType[catalog.Diagnostics](err)
	if !ok {
		return "no faults"
	}
	return strings.ReplaceAll(faults.Error(), root+string(filepath.Separator), "")
}

func TestRetirementAndNotes(t *testing.T) {
	snapshot, err := catalog.Load(build(t, files{
		"acme/company.yaml": "name: Acme\n",
		"acme/default/old.sql": "/*---\nsource: x\ndeprecated: 2026-12-01\nsunset: 2027-03-01T00:30:00+01:00\n" +
			"columns: { n: { type: bigint, nullable: false, description: How many. }, m: {} }\n---*/\nSELECT 1 AS n, 2 AS m\n",
		"acme/default/new.sql": "/*---\nsource: x\n---*/\nSELECT 1 AS n\n",
	}), dialects...)
	if err != nil {
		t.Fatal(err)
	}
	reached := snapshot.Reached("acme")
	if len(reached) != 2 || reached[0].Endpoint.Slug != "new" || len(snapshot.Reached("globex")) != 0 {
		t.Fatalf("acme reaches %+v", reached)
	}
	old := reached[1].Endpoint
	if got := old.Deprecated.Format(time.RFC3339) + " " + old.Sunset.Format(time.RFC3339); got != "2026-12-01T00:00:00Z 2027-02-28T23:30:00Z" {
		t.Error(got)
	}
	if n := old.Columns["n"]; !n.NotNull || n.Description != "How many." || old.Columns["m"] != (catalog.ColumnNote{}) {
		t.Errorf("%+v", old.Columns)
	}
	if current := reached[0].Endpoint; !current.Deprecated.IsZero() || !current.Sunset.IsZero() {
		t.Errorf("%+v", current)
	}
}
