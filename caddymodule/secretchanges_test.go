package caddymodule_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// TestSecretOfTokensChanges changes the secret that signs tokens, in its file: an operator who asks sees it at once, and it is found
// without. Tokens of the old one are good for as long as it is named.
func TestSecretOfTokensChanges(t *testing.T) {
	e := servertest.Engines[0]
	secret, before := filepath.Join(t.TempDir(), "token"), filepath.Join(t.TempDir(), "before")
	write := func(path, fill string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(strings.Repeat(fill, 40)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(secret, "a")
	write(before, "")
	s := serveProgram(t, programConfig{
		sources: e.Source(t, t.TempDir(), servertest.Sales).Directive(), files: servertest.Files(e),
		options: "audit {\n\t\t}\n\t\ttokens {\n\t\t\ths256_secret {file." + secret + "}\n\t\t\ths256_previous {file." + before + "}\n\t\t}",
	})
	key := s.CreateKey("acme", "integration")
	old := s.Exchange("acme", key)
	use := func(token string, status int) {
		t.Helper()
		s.Execute("few", token, `{}`).Want(status)
	}
	use(old.Access, http.StatusOK)

	write(before, "a")
	write(secret, "b")
	if out := s.mustCLI("sources", "reconnect"); !strings.Contains(out, "the secrets of tokens have changed") && !strings.Contains(out, "are as they were") {
		t.Errorf("reconnect printed %q", out) // the server may have seen it before
	}
	fresh := s.Exchange("acme", key)
	if header, _, _ := strings.Cut(old.Access, "."); strings.HasPrefix(fresh.Access, header+".") { // it names the key
		t.Error("the old secret signs on")
	}
	use(old.Access, http.StatusOK)
	use(fresh.Access, http.StatusOK)

	// What cannot be used changes nothing.
	s.write(secret, "too short")
	s.mustRefuse(map[string]string{"sources reconnect": "at least 32 are needed"})
	use(old.Access, http.StatusOK)

	// Nobody asks for it.
	write(secret, "b")
	write(before, "")
	eventually(t, "the old secret is forgotten", func() bool {
		return s.Execute("few", old.Access, `{}`).Status == http.StatusUnauthorized
	})
	use(fresh.Access, http.StatusOK)
	s.Post("/api/v1/auth/refresh", "", `{"refresh_token":"`+old.Refresh+`"}`).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	changes := func() int { return strings.Count(s.log(), `"msg":"signing_key.rotated"`) }
	eventually(t, "the audit log has both changes", func() bool { return changes() >= 2 }) // which are told when they are in force
	if n := changes(); n != 2 {
		t.Errorf("the audit log has %d changes", n)
	}
	log := s.log()
	for _, fill := range []string{"a", "b"} {
		if strings.Contains(log, strings.Repeat(fill, 32)) {
			t.Error("the log shows a secret")
		}
	}
}
