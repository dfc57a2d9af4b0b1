package signin

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"

	"golang.org/x/oauth2"
)

// Provider is an identity provider at which this server is a client.
type Provider struct {
	Name      string   // of the trust
	Issuer    string   // as the provider calls itself
	Companies []string // whose users it may identify
	Client
}

// Client is what this server is at a provider.
type Client struct {
	ID     string
	Secret string // empty: a public client, whose codes PKCE alone guards

	AuthorizationEndpoint string // where browsers are sent
	TokenEndpoint         string // where codes are exchanged
	Scopes                []string
}

// DefaultScopes are asked for where a configuration does not say.
var DefaultScopes = []string{"openid"}

// Check reports everything that is wrong with a client. The zero Client, of a provider at which nobody signs in, is right.
func (c *Client) Check() error {
	if c.ID == "" {
		if c.Secret != "" || c.AuthorizationEndpoint != "" || c.TokenEndpoint != "" || len(c.Scopes) > 0 {
			return errors.New("client_id is missing beside the other options of a client")
		}
		return nil
	}
	var faults []error
	for name, endpoint := range map[string]string{"authorization_endpoint": c.AuthorizationEndpoint, "token_endpoint": c.TokenEndpoint} {
		if fault := checkEndpoint(endpoint); fault != nil {
			faults = append(faults, fmt.Errorf("%s %w", name, fault))
		}
	}
	if !slices.Contains(c.Scopes, "openid") {
		faults = append(faults, errors.New("scopes must have openid: the provider says who somebody is for that scope alone"))
	}
	return errors.Join(faults...)
}

func checkEndpoint(text string) error {
	parsed, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("is missing: give the URL that the provider documents")
	case err != nil || parsed.Host == "" || parsed.User != nil || parsed.Fragment != "":
		return errors.New("must be a URL without a user, a password and a fragment")
	case parsed.Scheme == "https", parsed.Scheme == "http" && loopback(parsed.Hostname()):
		return nil
	}
	return fmt.Errorf("%s://%s: must be an https URL; http is for 127.0.0.1, [::1] and localhost alone", parsed.Scheme, parsed.Host)
}

func loopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// oauth is the client as the library has it.
func (p *Provider) oauth(redirect string) *oauth2.Config {
	style := oauth2.AuthStyleInHeader
	if p.Secret == "" {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.ID, ClientSecret: p.Secret, RedirectURL: redirect, Scopes: p.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: p.AuthorizationEndpoint, TokenURL: p.TokenEndpoint, AuthStyle: style},
	}
}
