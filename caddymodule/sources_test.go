package caddymodule_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// mainAnswers is the line of a source in the table of status.
var mainAnswers = regexp.MustCompile(`(?m)^main +answers `)

// A source that is configured wrongly keeps nothing from being served; the log of the reload and status tell of it, also
// when no endpoint runs on it.
func TestSourceThatNeverAnswers(t *testing.T) {
	db := pgtest.New(t)
	db.Exec(servertest.Sales)
	good := `source main postgres "` + db.ReaderDSN + `"`
	s := serveProgram(t, programConfig{sources: good, files: servertest.Files(servertest.Engines[1])})
	// A source has a few seconds to answer in, which a busy machine may take for a connection.
	eventually(t, "status has the source, and no problem", func() bool {
		status := s.mustCLI("status")
		return mainAnswers.MatchString(status) && strings.Contains(status, "\nPROBLEMS\nnone\n")
	})
	s.reconfigure(good, good+"\nsource spare postgres postgres://reader@nowhere.invalid/db")
	eventually(t, "the log tells of the source", func() bool {
		return strings.Contains(s.log(), "a source has never answered since it was configured")
	})
	eventually(t, "status tells of it, and has the other one", func() bool {
		status := s.mustCLI("status")
		return strings.Contains(status, "\nspare: has never answered since it was configured at ") && mainAnswers.MatchString(status)
	})
	if status := s.mustCLI("status", "--json"); !strings.Contains(status, `"source":"spare","state":"never_answered"`) {
		t.Errorf("status is\n%s", status)
	}

	broken := strings.Replace(s.content(), "nowhere.invalid/db", "nowhere.invalid/db?schema=sales", 1)
	if err := s.load(s.adapt(broken)); err == nil || !strings.Contains(err.Error(), "source spare: DSN: schema is no keyword") {
		t.Errorf("a reload to a faulty string: %v", err)
	}
}

// A password in a file is changed without a reload.
func TestPasswordInAFile(t *testing.T) {
	db := pgtest.NewCluster(t).New(t)
	db.Exec(servertest.Sales)
	var hba string
	if err := db.Conn().QueryRow(t.Context(), "SHOW hba_file").Scan(&hba); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hba, []byte("local all "+pgtest.ReaderRole+" scram-sha-256\nlocal all postgres trust\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	db.Exec("SELECT pg_reload_conf()")
	file := filepath.Join(t.TempDir(), "password")
	change := func(password string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		db.Exec("ALTER ROLE " + pgtest.ReaderRole + " PASSWORD '" + password + "'")
		db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + pgtest.ReaderRole + "'")
	}
	change("first")
	s := serveProgram(t, programConfig{
		sources: fmt.Sprintf(`source main postgres "%s password={file.%s}"`, db.ReaderDSN, file), files: servertest.Files(servertest.Engines[1]),
	})
	token := s.Login("acme", "integration").Access
	for _, password := range []string{"second", "third"} {
		if got := s.Execute("vendas-por-regiao", token, `{"data_inicio":"2026-01-01"}`); got.Status != http.StatusOK {
			t.Errorf("before it is changed to the %s: %d %s", password, got.Status, got.Body)
		}
		change(password)
		if got := s.Execute("vendas-por-regiao", token, `{"data_inicio":"2026-01-01"}`); got.Status != http.StatusOK {
			t.Errorf("with the %s: %d %s", password, got.Status, got.Body)
		}
	}
}
