// Package examples_test runs every endpoint of the example catalog on the demo's database.
package examples_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/examples/demo/demodata"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/source/sqlite"
	"github.com/solucao42/caddy-data-api/source"
)

// The cases name the caller's company and user, and what the rows begin with. Those of
// housing were computed from the CSV file by other means.
var cases = []struct{ name, company, user, endpoint, parameters, rows string }{
	{"the guide's sync example", "acme", "integration", "default/vendas-por-regiao",
		`{"data_inicio": "2026-01-01", "regiao": "Sul"}`,
		`[{"regiao":"Sul","total":150000.00}]`},
	{"every region", "acme", "integration", "default/vendas-por-regiao",
		`{"data_inicio": "2026-03-31"}`,
		`[{"regiao":"Centro-Oeste","total":`},
	{"the guide's async example", "acme", "integration", "default/relatorio-mensal",
		`{"mes": "2026-03"}`,
		`[{"regiao":"Centro-Oeste","vendas":786,"clientes":530,"total":45635.81,"ticket":58.06,"gini":0.6103},`},
	{"a city's month", "acme", "housing-reader", "housing/by-city",
		`{"city": "Abilene", "to_year": 2000}`,
		`[{"month":"2000-01-01","sales":72,"volume_usd":5380000,"median_usd":71400,"listings":701,"inventory_months":6.3},`},
	{"what was not reported is null", "acme", "housing-reader", "housing/by-city",
		`{"city": "Brownsville", "from_year": 2002, "to_year": 2002}`,
		`[{"month":"2002-01-01","sales":40,"volume_usd":3270000,"median_usd":77500,"listings":null,"inventory_months":null},`},
	{"two cities in one year", "acme", "housing-reader", "housing/by-year",
		`{"cities": ["Austin", "Houston"], "from_year": 2000, "to_year": 2000}`,
		`[{"city":"Austin","year":2000,"sales":18621,"volume_usd":3561039919,"average_price_usd":191237.85,"months_reported":12},`},
	{"the largest market by value", "acme", "housing-reader", "housing/top-markets",
		`{"year": 2014, "top": 1}`,
		`[{"place":1,"city":"Houston","sales":83412,"volume_usd":22142531549,"average_price_usd":265459.78,"share_of_volume":0.2612}]`},
	{"the most expensive market", "acme", "housing-reader", "housing/top-markets",
		`{"year": 2014, "rank_by": "average_price", "top": 1}`,
		`[{"place":1,"city":"Austin",`},
	{"a full window", "acme", "housing-reader", "housing/moving-average",
		`{"city": "Austin", "since": "2014-01-01"}`,
		`[{"month":"2014-01-01","sales":1582,"average_sales":2537.7},`},
	{"a window that is not full yet", "acme", "housing-reader", "housing/moving-average",
		`{"city": "Austin", "months": 2}`,
		`[{"month":"2000-01-01","sales":1025,"average_sales":null},{"month":"2000-02-01","sales":1277,"average_sales":1151.0},`},
	{"shared with globex", "globex", "analytics", "housing/by-city",
		`{"city": "Dallas", "to_year": 2000}`,
		`[{"month":"2000-01-01","sales":`},
	{"a pinned city is filled in", "globex", "austin-office", "housing/by-city",
		`{"to_year": 2000}`,
		`[{"month":"2000-01-01","sales":1025,`},
}

func TestEveryEndpoint(t *testing.T) {
	snapshot := load(t)
	database := openSource(t)
	called := make(map[string]bool)
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			endpoint, shared, user := find(t, snapshot, test.company, test.user, test.endpoint)
			called[endpoint.Address.String()] = true
			arguments, err := endpoint.Contract.Bind(json.RawMessage(test.parameters), shared, user)
			if err != nil {
				t.Fatal(err)
			}
			query, err := database.Compile(endpoint.Statement)
			if err != nil {
				t.Fatal(err)
			}
			var document strings.Builder
			encoder := result.NewJSON(&document, result.JSONOptions{OmitLimits: true})
			defer encoder.Close()
			if err := query.Run(t.Context(), source.Call{Args: arguments}, encoder); err != nil {
				t.Fatal(err)
			}
			if err := encoder.End(result.Summary{}); err != nil {
				t.Fatal(err)
			}
			var answer struct{ Rows json.RawMessage }
			if err := json.Unmarshal([]byte(document.String()), &answer); err != nil {
				t.Fatal(err)
			}
			if got := string(answer.Rows); !strings.HasPrefix(got, test.rows) {
				t.Errorf("\n got %.300s\nwant %s", got, test.rows)
			}
		})
	}
	for _, endpoint := range snapshot.Endpoints() {
		if address := endpoint.Address.String(); !called[address] {
			t.Errorf("no case calls %s", address)
		}
	}
}

func TestSharesLimitTheirUsers(t *testing.T) {
	snapshot := load(t)
	for _, test := range []struct{ name, user, endpoint, parameters string }{
		{"a city that is not shared", "analytics", "housing/by-city", `{"city": "Waco"}`},
		{"a window that is too short", "analytics", "housing/moving-average", `{"city": "Dallas", "months": 3}`},
		{"a city beside the pinned one", "austin-office", "housing/by-city", `{"city": "Dallas"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			endpoint, shared, user := find(t, snapshot, "globex", test.user, test.endpoint)
			_, err := endpoint.Contract.Bind(json.RawMessage(test.parameters), shared, user)
			if !dataapi.HasCode(err, dataapi.CodeParameterNotAllowed) {
				t.Errorf("error %v; want %s", err, dataapi.CodeParameterNotAllowed)
			}
		})
	}
	for _, private := range []string{"housing/top-markets", "default/vendas-por-regiao"} {
		namespace, slug, _ := strings.Cut(private, "/")
		if _, _, ok := snapshot.Find("globex", namespace, slug); ok {
			t.Errorf("globex reaches %s", private)
		}
	}
}

func load(t *testing.T) *catalog.Snapshot {
	t.Helper()
	snapshot, err := catalog.Load("catalog", sqlite.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

func openSource(t *testing.T) source.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo.db")
	if _, err := demodata.Ensure(path, "data/txhousing.csv.gz"); err != nil {
		t.Fatal(err)
	}
	database, err := sqlite.New(sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := database.Close(); err != nil {
			t.Error(err)
		}
	})
	return database
}

// find returns an endpoint with the share's and the user's contexts, as a request of that user gets them.
func find(
	t *testing.T, snapshot *catalog.Snapshot, company, user, path string,
) (*catalog.Endpoint, params.ShareContext, params.ShareContext) {
	t.Helper()
	namespace, slug, _ := strings.Cut(path, "/")
	endpoint, shared, ok := snapshot.Find(company, namespace, slug)
	if !ok {
		t.Fatalf("%s does not reach %s", company, path)
	}
	owner, ok := snapshot.Company(company)
	if !ok || owner.Users[user] == nil {
		t.Fatalf("there is no user %s/%s", company, user)
	}
	return endpoint, shared, owner.Users[user].ShareContext
}
