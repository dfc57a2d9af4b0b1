package contract

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/jwks"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// A trusted issuer identifies users of the companies that the configuration names, by the claim that it names.
func TestCompanyClaim(t *testing.T) {
	t.Parallel()
	e, key := engines[0], servertest.NewEd(t)
	keys := filepath.Join(t.TempDir(), "jwks.json")
	servertest.WriteJWKS(t, keys, "k", key)
	catalog := files(e)
	catalog["acme/company.yaml"] = "users:\n  ana: { policies: [DataAPIConsumer], subject: ana@acme.example }\n  bob: { policies: [] }\n"
	s := newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: catalog, Settings: func(settings *servertest.Settings) {
		trusting(t, keys)(settings)
		trust := &settings.Tokens.Trusts[0]
		trust.Company, trust.CompanyClaim, trust.Companies, trust.UserClaim = "", "tenant", []string{"acme", "initech"}, "email"
	}})
	now := time.Now().Unix()
	f := servertest.Forger{T: t, Key: key, Head: servertest.Changes{"alg": "EdDSA", "kid": "k", "typ": "at+jwt"}, Body: servertest.Changes{
		"iss": "https://idp.example.com", "aud": "urn:example:data-api", "sub": "7", "iat": now, "exp": now + 600,
		"tenant": "acme", "email": "ana@acme.example", "email_verified": true,
	}}
	var permissions struct {
		User struct {
			Company string `json:"company_slug"`
			Name    string `json:"name"`
		} `json:"user"`
	}
	s.Get("/api/v1/auth/permissions", f.Token(nil, nil)).Want(http.StatusOK).Decode(&permissions)
	if permissions.User.Company != "acme" || permissions.User.Name != "ana" {
		t.Errorf("the caller is %+v", permissions.User)
	}
	s.Execute("few", f.Token(nil, nil), `{}`).Want(http.StatusOK)
	s.Execute("few", f.Token(nil, servertest.Changes{"email": "bob"}), `{}`).Problem(http.StatusForbidden, "FORBIDDEN")
	for name, change := range map[string]servertest.Changes{
		"a company that is not listed": {"tenant": "globex", "email": "reader"}, "an inactive company": {"tenant": "initech", "email": "reader"},
		"no company": {"tenant": servertest.Absent{}}, "an address that is not verified": {"email_verified": false}, "sub is not asked": {"email": servertest.Absent{}, "sub": "bob"},
	} {
		if got := s.Execute("few", f.Token(nil, change), `{}`); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

// A job of a user without an API key ends, with its callback, when the user is deactivated: running or waiting.
func TestVouchedUserWhoIsDeactivated(t *testing.T) {
	t.Parallel()
	e, receiver, key := engines[0], servertest.NewHook(t), servertest.NewEd(t)
	keys := filepath.Join(t.TempDir(), "jwks.json")
	servertest.WriteJWKS(t, keys, "k", key)
	catalog := files(e)
	catalog["acme/company.yaml"] = companyFile + "  colleague: { policies: [DataAPIConsumer] }\n"
	catalog["acme/default/endless-job.sql"] = "/*---\nsource: main\nmode: async\n---*/\n" + e.Slow
	s := newServer(t, servertest.Config{
		Database: e.Source(t, t.TempDir(), sales), Files: catalog,
		Settings: func(settings *servertest.Settings) {
			trusting(t, keys)(settings)
			settings.CallbackHosts = []string{receiver.Host()}
			settings.Jobs.Workers, settings.Jobs.PerCompany = 1, 1
		},
	})
	token := servertest.ForeignToken(t, "k", key, "integration")
	colleague := s.Login("acme", "colleague").Access
	callback := fmt.Sprintf(`{"parameter_values":{"mes":"2026-01"},"callback_url":%q}`, receiver.URL)
	if job := s.Await(s.Post(endpoints+"relatorio-mensal/execute", token, callback).Want(http.StatusAccepted).Header.Get("Location"), token); job.Status != "completed" {
		t.Fatalf("a job of the user ended as %+v", job)
	}
	delivered := func() int {
		return len(receiver.Payloads())
	}
	eventually(t, "the callback comes", patience, func() bool { return delivered() == 1 })

	endless := fmt.Sprintf(`{"callback_url":%q}`, receiver.URL)
	running := s.Post(endpoints+"endless-job/execute", token, endless).Want(http.StatusAccepted).Header.Get("Location")
	queued := s.Post(endpoints+"endless-job/execute", token, endless).Want(http.StatusAccepted).Header.Get("Location")
	eventually(t, "the job runs", patience, func() bool {
		return strings.Contains(string(s.Get(running, token).Body), `"progress":{`)
	})
	file := filepath.Join(s.Dir, "catalog/acme/company.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.WriteCatalog("acme/company.yaml", strings.Replace(string(content), "integration: {", "integration: { active: false,", 1))
	eventually(t, "the user is refused", patience, func() bool { return s.Execute("few", token, `{}`).Status == http.StatusUnauthorized })
	for _, location := range []string{running, queued} {
		var ended document
		eventually(t, "the job ends", patience, func() bool {
			s.Get(location, colleague).Want(http.StatusOK).Decode(&ended)
			return ended.Status != "processing"
		})
		if ended.Status != "failed" || ended.Error == nil || ended.Error.Code != "UNAUTHENTICATED" {
			t.Errorf("the job ended as %+v, %+v", ended, ended.Error)
		}
	}
	time.Sleep(500 * time.Millisecond)
	if n := delivered(); n != 1 {
		t.Errorf("%d callbacks came, want the first alone", n)
	}
}

// trusting accepts the access tokens of another issuer, whose keys are in a file, for users of acme.
func trusting(t *testing.T, keySet string) func(*servertest.Settings) {
	t.Helper()
	keys, err := jwks.New(jwks.Config{Location: keySet, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	return func(settings *servertest.Settings) {
		settings.Tokens.Issuer, settings.Tokens.Audience = "https://api.example.com", "https://api.example.com"
		settings.Tokens.Trusts = []token.Trust{{
			Name: "acme-idp", Issuer: "https://idp.example.com", Audience: "urn:example:data-api", Company: "acme",
			Types: []string{"at+jwt"}, Algorithms: []string{"EdDSA", "ES256", "PS256", "RS256"}, UserClaim: "sub", Keys: keys,
		}}
	}
}
