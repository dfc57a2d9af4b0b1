package signin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// FlowTTL is how long somebody may take to sign in at a provider.
const FlowTTL = 10 * time.Minute

// exchangeTimeout bounds the exchange of a code, from the look-up of the provider's name to the last byte.
const exchangeTimeout = 10 * time.Second

// Desk sends people to their providers and hears who they are. It keeps nothing: what one sign-in is about is sealed, and kept by the
// browser. It is safe for concurrent use.
type Desk struct {
	providers []Provider
	seal      cipher.AEAD
	now       func() time.Time
	client    *http.Client
}

// New makes a desk. The secret has at least 32 bytes, and all servers that serve one site share it. Of the providers those count at which this
// server is a client.
func New(providers []Provider, secret []byte, now func() time.Time) (*Desk, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "caddy-data-api sign-in", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	d := &Desk{now: now, client: newClient()}
	if d.seal, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, err
	}
	for _, provider := range providers {
		if provider.ID == "" {
			continue
		}
		if err := provider.Check(); err != nil {
			return nil, fmt.Errorf("sign-in by %s: %w", provider.Name, err)
		}
		d.providers = append(d.providers, provider)
	}
	return d, nil
}

func newClient() *http.Client {
	return &http.Client{
		Timeout: exchangeTimeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: exchangeTimeout}).DialContext,
			TLSHandshakeTimeout: exchangeTimeout, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
		},
		// A code and a secret go where the configuration says, and not where somebody else does.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Any reports whether anybody can sign in by a provider.
func (d *Desk) Any() bool { return len(d.providers) > 0 }

// For returns the provider of a company's users; nil: there is none.
func (d *Desk) For(company string) *Provider {
	return d.find(func(p *Provider) bool { return slices.Contains(p.Companies, company) })
}

// Named returns the provider of a name; nil: there is none.
func (d *Desk) Named(name string) *Provider {
	return d.find(func(p *Provider) bool { return p.Name == name })
}

func (d *Desk) find(wanted func(*Provider) bool) *Provider {
	for i := range d.providers {
		if wanted(&d.providers[i]) {
			return &d.providers[i]
		}
	}
	return nil
}

// Flow is one sign-in on its way.
type Flow struct {
	Provider string    `json:"p"`
	Company  string    `json:"c"`
	State    string    `json:"s"` // binds the provider's answer to this browser
	Nonce    string    `json:"n"` // binds the ID token to this sign-in
	Verifier string    `json:"v"` // binds the code to this server (RFC 7636)
	Redirect string    `json:"r"` // where the provider sends the browser
	Until    time.Time `json:"u"`
}

// Begin begins the sign-in of somebody of a company. It returns where the browser is to go, and what it is to bring along when it comes
// back: text that nobody else can read or make.
func (d *Desk) Begin(provider *Provider, company, redirect string) (address, sealed string, err error) {
	flow := Flow{
		Provider: provider.Name, Company: company, State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect,
		Until: d.now().Add(FlowTTL),
	}
	text, err := json.Marshal(flow)
	if err != nil {
		return "", "", err
	}
	address = provider.oauth(redirect).AuthCodeURL(flow.State, oauth2.S256ChallengeOption(flow.Verifier), oauth2.SetAuthURLParam("nonce", flow.Nonce))
	return address, base64.RawURLEncoding.EncodeToString(d.seal.Seal(nil, nil, text, nil)), nil //nolint:gosec // it makes its own nonce
}

var (
	errNoFlow  = errors.New("the browser brings no sign-in along that began here")
	errTooLate = errors.New("the sign-in has taken too long")
)

// Open reads what a browser has brought along.
func (d *Desk) Open(sealed string) (flow Flow, err error) {
	encrypted, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return flow, errNoFlow
	}
	text, err := d.seal.Open(nil, nil, encrypted, nil)
	if err != nil || json.Unmarshal(text, &flow) != nil {
		return Flow{}, errNoFlow
	}
	if !d.now().Before(flow.Until) {
		return Flow{}, errTooLate
	}
	return flow, nil
}

// ErrUnavailable says that a provider cannot be asked at the moment.
var ErrUnavailable = errors.New("the provider cannot be asked")

// Exchange trades the code of a flow for the ID token of the person who has signed in. A provider that refuses the code is an error that is not
// ErrUnavailable. No error has the code, the secret or the provider's answer in it.
func (d *Desk) Exchange(ctx context.Context, flow Flow, code string) (idToken string, err error) {
	provider := d.Named(flow.Provider)
	if provider == nil {
		return "", errNoFlow
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, d.client)
	answer, err := provider.oauth(flow.Redirect).Exchange(ctx, code, oauth2.VerifierOption(flow.Verifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		if status := refused.Response.StatusCode; status < http.StatusBadRequest || status >= http.StatusInternalServerError {
			return "", fmt.Errorf("%w: it answers %d", ErrUnavailable, status)
		}
		return "", fmt.Errorf("the provider refuses the code: %d", refused.Response.StatusCode)
	}
	if err != nil {
		return "", ErrUnavailable
	}
	idToken, ok := answer.Extra("id_token").(string)
	if !ok {
		return "", errors.New("the provider's answer has no id_token")
	}
	return idToken, nil
}
