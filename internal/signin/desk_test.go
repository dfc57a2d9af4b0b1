package signin

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

func client() Client {
	return Client{ID: "c", AuthorizationEndpoint: "https://idp.example/a?tenant=1", TokenEndpoint: "https://idp.example/t", Scopes: []string{"openid", "email"}}
}

func TestFlow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	desk, err := New([]Provider{{Name: "none"}, {Name: "idp", Companies: []string{"acme", "globex"}, Client: client()}}, make([]byte, 32), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if !desk.Any() || desk.Named("none") != nil || desk.For("initech") != nil || desk.For("globex").Name != "idp" {
		t.Error("the desk has other providers")
	}
	address, sealed, err := desk.Begin(desk.For("acme"), "acme", "https://api.example/callback")
	if err != nil {
		t.Fatal(err)
	}
	flow, err := desk.Open(sealed)
	if err != nil || flow.Company != "acme" || len(flow.State) < 20 || len(flow.Nonce) < 20 || len(flow.Verifier) < 43 {
		t.Fatalf("%+v %v", flow, err)
	}
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := parsed.Query()
	if query.Get("state") != flow.State || query.Get("nonce") != flow.Nonce || query.Get("scope") != "openid email" || query.Get("tenant") != "1" ||
		query.Get("code_challenge_method") != "S256" || strings.Contains(address, flow.Verifier) || strings.Contains(sealed, flow.State) {
		t.Errorf("%s", address)
	}
	changed, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	changed[0] ^= 1 // a character of its own choice would at times be the one that is there
	for name, wrong := range map[string]string{
		"empty": "", "no base64": "!", "short": "eA", "changed": base64.RawURLEncoding.EncodeToString(changed), "cut": sealed[:len(sealed)-4],
	} {
		if _, err := desk.Open(wrong); !errors.Is(err, errNoFlow) {
			t.Errorf("%s: %v", name, err)
		}
	}
	now = now.Add(FlowTTL)
	if _, err := desk.Open(sealed); !errors.Is(err, errTooLate) {
		t.Errorf("after %s: %v", FlowTTL, err)
	}
}

func TestClientCheck(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Client){
		"":                                         func(*Client) {},
		"client_id is missing":                     func(c *Client) { c.ID = "" },
		"token_endpoint is missing":                func(c *Client) { c.TokenEndpoint = "" },
		"authorization_endpoint http://idp":        func(c *Client) { c.AuthorizationEndpoint = "http://idp.example/a" },
		"token_endpoint must be a URL":             func(c *Client) { c.TokenEndpoint = "https://user:pass@idp.example/" },
		"authorization_endpoint must be a URL":     func(c *Client) { c.AuthorizationEndpoint = "idp.example" },
		"scopes must have openid":                  func(c *Client) { c.Scopes = []string{"email"} },
		"authorization_endpoint javascript://evil": func(c *Client) { c.AuthorizationEndpoint = "javascript://evil/%0aalert(1)" },
	} {
		c := client()
		change(&c)
		err := c.Check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if err := new(Client).Check(); err != nil {
		t.Error(err)
	}
}
