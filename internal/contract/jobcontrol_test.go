package contract

import (
	"maps"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// controlServer has, beside the contract's endpoints, ones that take a known while.
func controlServer(t *testing.T, e engine) *server {
	t.Helper()
	catalog := files(e)
	maps.Copy(catalog, map[string]string{
		"acme/default/endless-job.sql": "/*---\nsource: main\nmode: async\n---*/\n" + e.Slow,
		"acme/default/patient.sql":     "/*---\nsource: main\non_timeout: continue\nlimits: { timeout: 300ms, job_timeout: 2s }\n---*/\n" + e.Slow,
		"acme/default/quick.sql": "/*---\nsource: main\non_timeout: continue\ncolumns: { total: { type: decimal, scale: 2 } }\n---*/\n" +
			"SELECT regiao, total FROM vendas ORDER BY regiao, total",
		"acme/company.yaml": companyFile + "  runner: { policies: [Runner] }\n" +
			"  limited: { policies: [DataAPIConsumer], share_context: { regiao: Norte } }\n" +
			"policies:\n  Runner: { grants: [{ actions: [data_api:execute, data_api:get_job] }] }\n",
	})
	return newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: catalog})
}
