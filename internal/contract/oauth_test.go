package contract

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

func toolServer(t *testing.T) *server {
	t.Helper()
	return newServer(t, servertest.Config{
		Database: engines[0].Source(t, t.TempDir(), sales),
		Files: map[string]string{
			"acme/company.yaml":    "name: Acme\nusers:\n  integration: { policies: [DataAPIConsumer] }\n  sheet: { policies: [DataAPIConsumer], basic: true }\n",
			"acme/default/one.sql": "/*---\nsource: main\n---*/\nSELECT 1 AS n",
		},
	})
}

// form posts a form to the token route, with HTTP Basic where there is a user.
func (s *server) form(values url.Values, user, password string, headers ...string) answer {
	s.T.Helper()
	request, err := http.NewRequestWithContext(s.T.Context(), http.MethodPost, s.URL("/api/v1/auth/token"), strings.NewReader(values.Encode()))
	if err != nil {
		s.T.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	got, err := s.Do(request)
	if err != nil {
		s.T.Fatal(err)
	}
	return got
}

// Clients of OAuth get tokens by the grant that needs no person, in each of the two ways to authenticate, and refusals that they
// understand.
func TestClientCredentials(t *testing.T) {
	t.Parallel()
	s := toolServer(t)
	key := s.CreateKey("acme", "integration")
	grant := url.Values{"grant_type": {"client_credentials"}}
	inForm := url.Values{"grant_type": {"client_credentials"}, "client_id": {key.Key}, "client_secret": {key.Secret}, "resource": {"https://x.example"}}
	for name, got := range map[string]answer{"Basic": s.form(grant, key.Key, key.Secret), "form": s.form(inForm, "", "")} {
		var issued struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int    `json:"expires_in"`
		}
		got.Want(http.StatusOK).Decode(&issued)
		if issued.TokenType != "Bearer" || issued.ExpiresIn != 600 || strings.Contains(string(got.Body), "refresh") || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v %s", name, got.Header, got.Body)
		}
		s.Get("/api/v1/data-api/default/one/execute", issued.AccessToken).Want(http.StatusOK)
	}
	for name, test := range map[string]struct {
		got    answer
		status int
		wanted string
	}{
		"no grant":         {s.form(url.Values{}, key.Key, key.Secret), 400, "invalid_request"},
		"another grant":    {s.form(url.Values{"grant_type": {"password"}}, key.Key, key.Secret), 400, "unsupported_grant_type"},
		"a scope":          {s.form(url.Values{"grant_type": {"client_credentials"}, "scope": {"all"}}, key.Key, key.Secret), 400, "invalid_scope"},
		"twice":            {s.form(url.Values{"grant_type": {"client_credentials", "client_credentials"}}, key.Key, key.Secret), 400, "invalid_request"},
		"two ways":         {s.form(inForm, key.Key, key.Secret), 400, "invalid_request"},
		"JSON":             {s.form(grant, key.Key, key.Secret, "Content-Type", "application/json"), 400, "invalid_request"},
		"another scheme":   {s.form(grant, "", "", "Authorization", "Bearer x"), 400, "invalid_request"},
		"wrong secret":     {s.form(grant, key.Key, s.CreateKey("acme", "sheet").Secret), 401, "invalid_client"},
		"malformed secret": {s.form(grant, key.Key, "x"), 401, "invalid_client"},
		"no client":        {s.form(grant, "", ""), 401, "invalid_client"},
	} {
		var refused struct {
			Error       string
			Description string `json:"error_description"`
		}
		if err := json.Unmarshal(test.got.Body, &refused); err != nil || test.got.Status != test.status || refused.Error != test.wanted || refused.Description == "" ||
			test.got.Header.Get("Content-Type") != "application/json" || (test.got.Header.Get("WWW-Authenticate") != "") != (test.status == 401) {
			t.Errorf("%s: %d %v %s", name, test.got.Status, test.got.Header, test.got.Body)
		}
	}
	s.Revoke(key.Key)
	if got := s.form(grant, key.Key, key.Secret); got.Status != http.StatusUnauthorized {
		t.Errorf("a revoked key: %d", got.Status)
	}
	var metadata map[string]any
	s.Get("/.well-known/oauth-authorization-server", "").Want(http.StatusOK).Decode(&metadata)
	if metadata["issuer"] != s.URL("") || metadata["token_endpoint"] != s.URL("/api/v1/auth/token") ||
		metadata["authorization_endpoint"] != metadata["token_endpoint"] { // which clients of MCP ask for, though no grant uses it
		t.Errorf("the metadata are %v", metadata)
	}
}

// A key can be presented by HTTP Basic where the company's file lets its user, and only to read.
func TestBasic(t *testing.T) {
	t.Parallel()
	s := toolServer(t)
	const path = "/api/v1/data-api/default/one/execute"
	ask := func(method string, key credentials, secret string) answer {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, s.URL(path), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth(key.Key, secret)
		got, err := s.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	may, mayNot := s.CreateKey("acme", "sheet"), s.CreateKey("acme", "integration")
	ask(http.MethodGet, may, may.Secret).Want(http.StatusOK)
	ask(http.MethodHead, may, may.Secret).Want(http.StatusOK)
	posted := ask(http.MethodPost, may, may.Secret).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	if challenge := posted.Header.Get("WWW-Authenticate"); challenge != "Bearer" {
		t.Errorf("a POST is challenged with %q", challenge)
	}
	var first string
	for name, got := range map[string]answer{
		"not allowed": ask(http.MethodGet, mayNot, mayNot.Secret), "wrong secret": ask(http.MethodGet, may, mayNot.Secret), "no secret": ask(http.MethodGet, may, ""),
	} {
		got.Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		if first == "" {
			first = got.Text()
		}
		if got.Text() != first || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: %v %s", name, got.Header, got.Body)
		}
	}
	s.Revoke(may.Key)
	ask(http.MethodGet, may, may.Secret).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	if log := s.Log.String(); strings.Contains(log, may.Secret) || strings.Contains(log, mayNot.Secret) {
		t.Error("the log has a secret")
	}
}

// Dashboards and API clients ask for a token as their documentation shows it.
func TestClientCredentialsAsToolsAskForThem(t *testing.T) {
	t.Parallel()
	s := toolServer(t)
	key := s.CreateKey("acme", "integration")
	// Grafana's data sources use this library: it tries Basic first, with what the form says encoded, or what it is told.
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		grafana := clientcredentials.Config{
			ClientID: key.Key, ClientSecret: key.Secret, TokenURL: s.URL("/api/v1/auth/token"), AuthStyle: style,
			EndpointParams: url.Values{"audience": {"https://api.example.com"}},
		}
		response, err := grafana.Client(t.Context()).Get(s.URL("/api/v1/data-api/default/one/execute.csv"))
		if err != nil {
			t.Fatalf("style %d: %v", style, err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || string(body) != "n\r\n1\r\n" {
			t.Errorf("style %d: %d %q %v", style, response.StatusCode, body, err)
		}
	}
	// Postman sends what was left empty, too: a field without a value is as good as none (RFC 6749, 3.2).
	for name, got := range map[string]answer{
		"in the header": s.form(url.Values{"grant_type": {"client_credentials"}, "scope": {""}}, key.Key, key.Secret),
		"in the header, with the client's name in the form": s.form(url.Values{"grant_type": {"client_credentials"}, "client_id": {key.Key}}, key.Key, key.Secret),
		"in the form": s.form(url.Values{"grant_type": {"client_credentials"}, "client_id": {key.Key}, "client_secret": {key.Secret}, "scope": {""}}, "", "",
			"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"),
	} {
		if got.Status != http.StatusOK {
			t.Errorf("Postman, %s: %d %s", name, got.Status, got.Body)
		}
	}
}
