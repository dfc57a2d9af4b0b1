package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// schemaDir holds the steps of the store's schema.
const schemaDir = "internal/store/pgstore/schema"

// previous builds the program as it was before the newest step of the schema, and says whether it knows that a newer version may leave it
// working. Empty: a checkout without history, such as a source archive, has no such program, and this version takes its place.
func previous(t *testing.T) (program string, compatible bool) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) (string, error) {
		cmd := exec.Command("git", args...)
		cmd.Dir = root
		var said, failed bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &failed
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, &failed)
		}
		return strings.TrimSpace(said.String()), nil
	}
	newest, err := git("log", "-1", "--format=%H", "--", schemaDir+"/*.sql")
	commit := newest + "^"
	if err == nil {
		_, err = git("cat-file", "-e", commit+":"+schemaDir)
	}
	if err != nil || newest == "" { // a shallow clone: the latest release has been before, too
		tag, missing := git("describe", "--tags", "--abbrev=0")
		if missing != nil {
			t.Logf("THIS VERSION RUNS BESIDE ITSELF: of the version before, this checkout has neither the history of %s "+
				"(git fetch --unshallow brings it), nor a release's tag (git fetch --tags): %v; %v", schemaDir, err, missing)
			return "", true
		}
		commit = tag
	}
	commit, err = git("rev-parse", "--verify", commit+"^{commit}")
	if err != nil {
		t.Fatal(err)
	}
	source, err := git("show", commit+":"+schemaDir+"/migrate.go")
	if err != nil { // where it was before schemaDir became a package
		source, err = git("show", commit+":internal/store/pgstore/migrate.go")
	}
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(root, "bin", fmt.Sprintf("caddy-before-%.12s-%s", commit, strings.ReplaceAll(runtime.Version(), " ", "-")))
	if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) {
		buildCommit(t, root, commit, program)
	}
	t.Logf("the version before is %s", commit)
	return program, strings.Contains(source, "least_step")
}

// buildCommit builds the program of a commit, which is there for the next time, too: a commit does not change.
func buildCommit(t *testing.T, root, commit, program string) {
	t.Helper()
	dir := t.TempDir()
	archive, unpack := exec.Command("git", "archive", commit), exec.Command("tar", "-x", "-C", dir)
	archive.Dir = root
	var err error
	if unpack.Stdin, err = archive.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := archive.Start(); err != nil {
		t.Fatal(err)
	}
	if output, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if err := archive.Wait(); err != nil {
		t.Fatalf("git archive %s: %v", commit, err)
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program+"~", "./internal/cmd/caddy")
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", commit, err, output)
	}
	older, _ := filepath.Glob(filepath.Join(root, "bin", "caddy-before-*"))
	for _, other := range older {
		if other != program+"~" {
			_ = os.Remove(other) // of another commit, or another Go
		}
	}
	if err := os.Rename(program+"~", program); err != nil {
		t.Fatal(err)
	}
}

// A server of the version before goes on while one of this version brings the schema further, and both are one service.
func TestTheVersionBeforeRunsBeside(t *testing.T) {
	t.Parallel()
	program, compatible := previous(t)
	source, stored := pgtest.New(t), pgtest.New(t)
	config := serverConfig{
		sources: servertest.PostgresOf(source).Directive(),
		store:   "store postgres {env.STORE_URL}",
		env:     []string{"STORE_URL=" + stored.AdminDSN},
		files: map[string]string{
			"acme/default/quick.sql": "/*---\nsource: main\n---*/\nSELECT 1 AS n",
			"acme/default/short.sql": "/*---\nsource: main\nmode: async\ncolumns: { n: { type: integer } }\n---*/\nSELECT 1 AS n",
		},
	}
	config.program = program
	before := newServer(t, config)
	key := before.CreateKey("acme", "integration")
	tokens := before.Exchange("acme", key)
	job := before.Execute("short", tokens.Access, `{}`).Want(http.StatusAccepted).Header.Get("Location")
	before.Await(job, tokens.Access)

	config.program = ""
	after := newServer(t, config) // brings the schema further
	service := map[string]*server{"the version before": before, "this version": after}
	for name, s := range service {
		for other, o := range service {
			s.Execute("quick", tokens.Access, `{}`).Want(http.StatusOK)
			job := s.Execute("short", tokens.Access, `{}`).Want(http.StatusAccepted).Header.Get("Location")
			if ended := o.Await(job, tokens.Access); ended.Status != "completed" {
				t.Errorf("a job of %s is %+v on %s", name, ended, other)
			}
		}
	}
	after.Get(job, tokens.Access).Want(http.StatusOK)
	tokens = after.Refresh(before.Refresh(tokens.Refresh).Refresh)
	made := after.CreateKey("acme", "integration")
	servertest.Eventually(t, "the version before knows a key of this one", patience, func() bool {
		return before.tryExchange(made) == http.StatusOK
	})
	before.mustCLI(before.admin("keys", "revoke", key.Key)...)
	servertest.Eventually(t, "this version hears of a revocation", patience, func() bool {
		return after.Get(whoAmI, tokens.Access).Status == http.StatusUnauthorized
	})

	// The version before is started again, as after a crash in the middle of an upgrade, and goes on when this one is gone.
	before.stop()
	if !compatible {
		_, stderr, err := before.cliWith(config.env, "run", "--config", before.caddyfile)
		if err == nil || !strings.Contains(stderr, "newer version") {
			t.Errorf("a version that does not know whether it works says %v: %s", err, stderr)
		}
		return
	}
	before.start(config.env...)
	token := before.Exchange("acme", made).Access
	after.stop()
	last := before.Execute("short", token, `{}`).Want(http.StatusAccepted).Header.Get("Location")
	if ended := before.Await(last, token); ended.Status != "completed" {
		t.Errorf("a job after this version has gone is %+v", ended)
	}
	after.start(config.env...)
}

// tryExchange returns the status of an exchange of a key.
func (s *server) tryExchange(key credentials) int {
	s.T.Helper()
	return s.Post("/api/v1/auth/api-key", "", fmt.Sprintf(`{"company_slug":"acme","api_key":%q,"api_secret":%q}`, key.Key, key.Secret)).Status
}

// cliWith runs a command of the program that is to end by itself, with further variables.
func (s *server) cliWith(env []string, args ...string) (stdout, stderr string, err error) {
	cmd := exec.Command(s.binary(), args...)
	cmd.Env = s.environment(env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	err = cmd.Run()
	return out.String(), errOut.String(), err
}
