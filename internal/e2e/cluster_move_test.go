package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

// A server's file is moved into PostgreSQL by a command that is killed again and again: in the end tokens are valid as before, results
// are read, and the jobs that waited run.
func TestMovingAStoreGoesOnAfterKills(t *testing.T) {
	t.Parallel()
	source, stored := pgtest.New(t), pgtest.New(t)
	config := serverConfig{
		sources: servertest.PostgresOf(source).Directive(),
		env:     []string{"STORE_URL=" + stored.AdminDSN},
		files: map[string]string{
			"acme/default/one.sql": "/*---\nsource: main\nmode: async\ncolumns: { text: { type: varchar } }\n---*/\nSELECT string_agg(md5(random()::text), '') AS text FROM generate_series(1, 9000)",
			"acme/default/nap.sql": "/*---\nsource: main\nmode: async\ncolumns: { n: { type: integer } }\n---*/\nSELECT 1 + length(pg_sleep(60)::text) AS n",
		},
	}
	first := newServer(t, config)
	tokens := first.Login("acme", "integration")
	token := tokens.Access
	var jobs []string
	for range 40 {
		jobs = append(jobs, first.Execute("one", token, `{}`).Want(http.StatusAccepted).Header.Get("Location"))
	}
	var results []string
	for _, job := range jobs {
		first.Await(job, token)
		results = append(results, string(first.Get(job, token).Want(http.StatusOK).Body))
	}
	unfinished := first.Execute("nap", token, `{}`).Want(http.StatusAccepted).Header.Get("Location")
	if _, stderr, err := first.cli("data-api", "store", "copy", "--from", "bbolt:"+first.Dir+"/data-api.db", "--to", "postgres:"+stored.AdminDSN); err == nil ||
		!strings.Contains(stderr, "another process holds") {
		t.Errorf("the file of a running server: %q, %v", stderr, err)
	}
	first.kill()

	schema, err := pgstore.Open(t.Context(), stored.AdminDSN, pgstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = schema.Close()
	move := func() (cmd *exec.Cmd, said *strings.Builder) {
		t.Helper()
		said = new(strings.Builder)
		cmd = exec.Command(builtBinary(t), "data-api", "store", "copy", "--from", "bbolt:"+first.Dir+"/data-api.db", "--to", "postgres:{env.STORE_URL}")
		cmd.Env = first.environment(config.env...)
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, said
	}
	watcher := stored.Conn()
	for _, table := range []string{"token_families", "chunks"} { // in the middle of each it is killed
		locked, err := stored.Conn().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := locked.Exec(t.Context(), "LOCK TABLE data_api."+table+" IN SHARE MODE"); err != nil {
			t.Fatal(err)
		}
		cmd, said := move()
		servertest.Eventually(t, "it has come to "+table, patience, func() bool {
			waits := false
			err := watcher.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)`).Scan(&waits)
			return err == nil && waits
		})
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); err == nil {
			t.Fatalf("it was killed too late: %s", said)
		}
		if err := locked.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := pgstore.Open(t.Context(), stored.AdminDSN, pgstore.Options{}); err == nil {
			t.Error("a server opens half a store")
		}
	}
	cmd, said := move()
	if err := cmd.Wait(); err != nil || !strings.Contains(said.String(), "both stores hold the same") {
		t.Fatalf("%v: %s", err, said)
	}
	t.Log(said)

	first.store = "store postgres {env.STORE_URL}"
	first.writeCaddyfile(config.sources, "")
	first.start(config.env...)
	for i, job := range jobs {
		if got := string(first.Get(job, token).Want(http.StatusOK).Body); got != results[i] {
			t.Fatalf("a result was %.200s, and is %.200s", results[i], got)
		}
	}
	if got := first.Refresh(tokens.Refresh); got.Access == "" {
		t.Error("the refresh token is not exchanged")
	}
	admin := source.Conn()
	servertest.Eventually(t, "the job that ran runs again", patience, func() bool {
		running := false
		err := admin.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
			AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid())`).Scan(&running)
		return err == nil && running
	})
	first.Send(http.MethodDelete, unfinished, token, "").Want(http.StatusOK)
}
