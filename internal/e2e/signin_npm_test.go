//go:build npm

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// signInOptions are the options of a site whose company acme signs in by a provider.
func signInOptions(t *testing.T, p *servertest.SignInProvider) string {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "jwks.json")
	servertest.WriteJWKS(t, keys, "k", p.Key)
	return fmt.Sprintf(`tokens {
			trust acme-idp {
				issuer %[1]s
				audience urn:example:data-api
				jwks %[2]s
				company acme
				client_id %[3]s
				client_secret %[4]q
				authorization_endpoint %[1]s/authorize
				token_endpoint %[1]s/token
			}
		}`, p.URL, keys, servertest.SignInClient, p.Secret)
}

// signInReport is what web/test/signin.mjs has seen.
type signInReport struct {
	seenPage
	Wanted, Ran                bool
	Told                       map[string]string
	Addresses, ForeignElements []string
	Kept                       []string
	Place, User, Cookies       string
}

// People sign in by their company's provider, and come to where they were. A person who is refused comes back to the page to sign in at, which says
// why in its own words, in the language of its reader; nothing that the provider or an address says becomes markup.
func TestSignInByAProviderInChromium(t *testing.T) {
	p := servertest.NewSignInProvider(t, "a secret of the console's")
	site := newConsoleSite(t, signInOptions(t, p))
	site.provider = p
	site.WriteCatalog("globex/company.yaml", "users:\n  new: { policies: [CompanyAdministrator] }\n")
	if err := site.reload(); err != nil {
		t.Fatal(err)
	}
	var seen signInReport
	site.converse(t, &seen, "signin.mjs", p.URL)

	seen.check(t)
	for name, want := range map[string]string{
		"none": "has no identity provider here", "denied": "did not sign you in", "markup": "did not sign you in", "stale": "Begin again",
		"unknown": "no active user of the company", "unavailable": "at the moment", "portuguese": "Comece de novo em instantes",
		"forged constructor": "The sign-in did not succeed", "forged ": "The sign-in did not succeed",
		"forged <img src=x onerror=window.ran=1>": "The sign-in did not succeed",
	} {
		if !strings.Contains(seen.Told[name], want) {
			t.Errorf("%s: the page says %q", name, seen.Told[name])
		}
	}
	const begun = "/console/jobs?status=failed"
	for _, address := range seen.Addresses {
		if address != begun {
			t.Errorf("after a sign-in that has failed the address is %s", address)
		}
	}
	if !seen.Wanted || seen.Ran || len(seen.ForeignElements) > 0 {
		t.Errorf("the company is wanted: %v; a script ran: %v; elements %q", seen.Wanted, seen.Ran, seen.ForeignElements)
	}
	if seen.Place != begun || !strings.Contains(seen.User, "Ana") || seen.Cookies != "" || strings.Contains(strings.Join(seen.Kept, " "), "place") {
		t.Errorf("%q came to %s; a script sees the cookies %q, and kept are %q", seen.User, seen.Place, seen.Cookies, seen.Kept)
	}
}
