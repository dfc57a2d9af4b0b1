// Package contract tests the HTTP contract: what every route answers, on SQLite and PostgreSQL, against the server in this
// process. Its tests run beside each other. Package e2e tests what needs the binary, Caddy or the command line.
package contract

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/solucao42/caddy-data-api/examples/demo/demodata"
	"github.com/solucao42/caddy-data-api/internal/paralleltest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

type (
	answer      = servertest.Answer
	credentials = servertest.Credentials
	document    = servertest.Document
	engine      = servertest.Engine
	tokens      = servertest.Tokens
)

const (
	companyFile = servertest.CompanyFile
	patience    = servertest.Patience
	sales       = servertest.Sales

	endpoints    = servertest.Endpoints
	refreshRoute = servertest.RefreshRoute
	logoutRoute  = servertest.LogoutRoute
	whoAmI       = servertest.WhoAmI
)

var (
	engines    = servertest.Engines
	eventually = servertest.Eventually
	files      = servertest.Files
)

func TestMain(m *testing.M) {
	paralleltest.AtOnce(8) // they wait for databases, time limits and jobs
	os.Exit(m.Run())
}

// server is a server of these tests, with what they do to it.
type server struct{ *servertest.Server }

func newServer(t testing.TB, config servertest.Config) *server {
	t.Helper()
	return &server{servertest.New(t, config)}
}

// demoServer serves the demo's catalog and data.
func demoServer(t *testing.T) *server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo.db")
	if _, err := demodata.Ensure(path, "../../examples/data/txhousing.csv.gz"); err != nil {
		t.Fatal(err)
	}
	return newServer(t, servertest.Config{
		Sources: map[string]*servertest.Source{"demo": servertest.SQLiteSource(t, path, 0)}, Catalog: os.DirFS("../../examples/catalog"),
	})
}

// onEveryEngine runs a test on each database.
func onEveryEngine(t *testing.T, test func(t *testing.T, e engine)) {
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}
