package authn

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// The client credentials grant of OAuth 2.0 (RFC 6749, 4.4), by which tools renew tokens themselves: an API key is the client, and
// its secret the client's. There is no refresh token, as 4.4.3 has it, and so nothing of such a token is kept.

const grantClientCredentials = "client_credentials"

// oauthToken is the answer (RFC 6749, 5.1). The lifetime is in seconds.
type oauthToken struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
}

// oauthProblem is a refusal (RFC 6749, 5.2). Refusals of other kinds, such as one for too many requests, are problem documents.
type oauthProblem struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

var (
	errGrantType = errors.New("an unknown grant type")
	errScope     = errors.New("a scope")
)

// asOAuth answers with the errors of a handler in the form that clients of OAuth know.
func asOAuth(handle respond.Handler) respond.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := handle(w, r)
		failure := dataapi.AsError(err)
		if failure == nil {
			return nil
		}
		status, problem := http.StatusBadRequest, oauthProblem{"invalid_request", failure.Detail}
		switch {
		case errors.Is(err, errGrantType):
			problem.Error = "unsupported_grant_type"
		case errors.Is(err, errScope):
			problem.Error = "invalid_scope"
		case failure.Code == dataapi.CodeUnauthenticated:
			status, problem.Error = http.StatusUnauthorized, "invalid_client"
			w.Header().Set("WWW-Authenticate", basicChallenge)
		case failure.Code != dataapi.CodeInvalidRequest && failure.Code != dataapi.CodeUnsupportedMediaType:
			return err
		}
		w.Header().Set("Pragma", "no-cache")
		return respond.WriteJSON(w, status, problem)
	}
}

// clientCredentials trades an API key and its secret for an access token.
func (t *tokens) clientCredentials(w http.ResponseWriter, r *http.Request, event *audit.Event) error {
	attempt, err := t.beginAttempt(r)
	if err != nil {
		return err
	}
	form, err := respond.DecodeForm(r)
	if err != nil {
		return err
	}
	switch grant, given := form["grant_type"]; {
	case !given:
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "The field grant_type is missing: it is %s.", grantClientCredentials)
	case grant != grantClientCredentials:
		return &dataapi.Error{Code: dataapi.CodeInvalidRequest, Err: errGrantType, Detail: "grant_type must be " + grantClientCredentials + "."}
	case form["scope"] != "":
		return &dataapi.Error{
			Code: dataapi.CodeInvalidRequest, Err: errScope,
			Detail: "There are no scopes here: what a token allows is what its user may do. Leave scope out.",
		}
	}
	client, err := clientOf(r, form)
	if err != nil {
		return err
	}
	client.CompanySlug = t.Directory.CompanyOfKey(client.APIKey)
	event.Company = client.CompanySlug
	if identity.ValidKeyID(client.APIKey) {
		event.KeyID = client.APIKey
	}
	if err := t.present(&attempt, &client); err != nil {
		return err
	}
	caller, err := t.Directory.VerifyKey(client.APIKey, client.APISecret)
	if err != nil {
		return verified(&attempt, err, wrongClient)
	}
	event.User = caller.User.Name
	pair, err := t.Tokens.Mint(token.Subject{Company: caller.Company.Slug, User: caller.User.Name, KeyID: caller.KeyID}, "")
	if err != nil {
		return err
	}
	t.Meter.TokenIssued()
	event.Session = pair.Access.Claims.Family
	w.Header().Set("Pragma", "no-cache") // RFC 6749, 5.1
	return respond.WriteJSON(w, http.StatusOK, oauthToken{pair.Access.Text, "Bearer", int64(t.Tokens.AccessTTL().Seconds())})
}

const wrongClient = "The client is not known, or its secret is wrong. The client is the API key; it can also have expired or been " +
	"revoked, or its user or company been made inactive."

// clientOf reads how the client authenticates (RFC 6749, 2.3.1): by HTTP Basic, or in the form, but not by both.
func clientOf(r *http.Request, form map[string]string) (keyRequest, error) {
	inForm := keyRequest{APIKey: form["client_id"], APISecret: form["client_secret"]}
	name, secret, basic := r.BasicAuth()
	if !basic {
		if r.Header.Get("Authorization") != "" {
			return keyRequest{}, dataapi.Errorf(dataapi.CodeInvalidRequest,
				"The client authenticates with HTTP Basic, or with client_id and client_secret in the form.")
		}
		return inForm, nil
	}
	name, nameErr := url.QueryUnescape(name)
	secret, secretErr := url.QueryUnescape(secret)
	if nameErr != nil || secretErr != nil {
		return keyRequest{}, dataapi.Errorf(dataapi.CodeInvalidRequest, "The client's name or secret in Authorization is not form-urlencoded.")
	}
	if inForm.APISecret != "" || inForm.APIKey != "" && inForm.APIKey != name {
		return keyRequest{}, dataapi.Errorf(dataapi.CodeInvalidRequest, "The client authenticates both in Authorization and in the form. Leave one out.")
	}
	return keyRequest{APIKey: name, APISecret: secret}, nil
}

// oauthMetadata is the answer of [metadata] (RFC 8414, 2).
type oauthMetadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	TokenEndpoint string   `json:"token_endpoint"`
	KeySet        string   `json:"jwks_uri"`
	GrantTypes    []string `json:"grant_types_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	ResponseTypes []string `json:"response_types_supported"`
}

// metadata tells clients of OAuth where and how to get a token. No grant here uses an authorization endpoint, and RFC 8414 asks for
// none then; but the MCP TypeScript SDK up to version 1 refuses a document without one. It is where tokens are had: who is led there by
// a browser gets a 405, which names the method.
func metadata(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	base := fields.BaseOf(r).URL
	return respond.WriteJSON(w, http.StatusOK, oauthMetadata{
		Issuer: base, Authorization: base + dataapi.PathToken, TokenEndpoint: base + dataapi.PathToken, KeySet: base + dataapi.PathJWKS,
		GrantTypes:    []string{grantClientCredentials},
		AuthMethods:   []string{"client_secret_basic", "client_secret_post"},
		ResponseTypes: []string{},
	})
}
