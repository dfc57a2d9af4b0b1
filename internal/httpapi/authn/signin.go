package authn

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/signin"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// signIns begin sessions of people whom their company's identity provider has identified. The browser goes to the provider and comes back
// with a code, which this server exchanges: no token of the provider is ever in the browser's hands.
type signIns struct{ *sessions }

const (
	// flowCookie keeps a sign-in on its way. It has to come along when the provider's page sends the browser back, and so cannot be Strict.
	flowCookie = "data_api_sign_in"

	// signInSession is how long a session lasts that a sign-in has begun; a provider cannot end it earlier.
	signInSession = 24 * time.Hour

	wrongSignIn = "The sign-in did not succeed: it was begun in another browser, took longer than 10 minutes, was used before, or the provider does not " +
		"know you as a user of this company. Begin again."
)

// offer says whether anybody can sign in by a provider.
func (s *signIns) offer(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	return respond.WriteJSON(w, http.StatusOK, map[string]bool{"available": s.SignIn.Any()})
}

type signInRequest struct {
	CompanySlug string `json:"company_slug"`
}

func (q *signInRequest) missing() string { return firstEmpty(field{"company_slug", q.CompanySlug}) }

// begin answers where the browser of somebody of a company is to go.
func (s *signIns) begin(w http.ResponseWriter, r *http.Request) error {
	attempt, err := s.enter(r)
	if err != nil {
		return err
	}
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	var request signInRequest
	if err := decodeFields(r, &request); err != nil {
		return err
	}
	provider := s.SignIn.For(request.CompanySlug)
	if provider == nil {
		attempt.Failed() // so that nobody tries the names of companies
		return dataapi.Errorf(dataapi.CodeNotFound, "Nobody signs in by a provider for this company. Sign in with an API key, or ask for a link.")
	}
	base := fields.BaseOf(r)
	address, sealed, err := s.SignIn.Begin(provider, request.CompanySlug, base.URL+dataapi.PathSignedIn+"/"+provider.Name)
	if err != nil {
		return err
	}
	setFlow(w, r, sealed)
	return respond.WriteJSON(w, http.StatusOK, map[string]string{"authorization_url": address})
}

// setFlow gives the browser a sign-in to bring along, or takes it away.
func setFlow(w http.ResponseWriter, r *http.Request, sealed string) {
	give(w, r, flowCookie, sealed, dataapi.PathSignedIn, http.SameSiteLaxMode, signin.FlowTTL)
}

// finish begins the session of the person whom a provider sends back, and sends the browser to the console, which finds its cookie. It leads nowhere else,
// whatever the request says. A person whose sign-in has failed comes there too: nobody reads a problem document in a browser.
func (s *signIns) finish(w http.ResponseWriter, r *http.Request, event *audit.Event) error {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer") // the address holds a code
	attempt, err := s.beginAttempt(r)
	if err != nil {
		return s.leadBack(r, err, err)
	}
	sealed := onlyCookie(r, flowCookie)
	setFlow(w, r, "") // a sign-in is for one answer
	caller, err := s.identify(r, sealed, event)
	if err != nil {
		return s.leadBack(r, err, verified(&attempt, err, wrongSignIn))
	}
	if err := s.openFor(w, r, caller, event); err != nil {
		return s.leadBack(r, err, err)
	}
	header.Set("Location", cmp.Or(s.console(r), fields.BaseOf(r).Path+"/"))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// identify returns the user whom the provider's answer identifies.
func (s *signIns) identify(r *http.Request, sealed string, event *audit.Event) (caller identity.Principal, err error) {
	refuse := func(err error) (identity.Principal, error) {
		return identity.Principal{}, dataapi.Wrap(dataapi.CodeUnauthenticated, err)
	}
	flow, err := s.SignIn.Open(sealed)
	if err != nil {
		return refuse(&setbackError{signInStale, err})
	}
	event.Company = flow.Company
	provider := s.SignIn.Named(flow.Provider)
	code, err := readAnswer(r.URL.RawQuery, flow, provider, r.PathValue("provider"))
	if err != nil {
		return refuse(err)
	}
	idToken, err := s.SignIn.Exchange(r.Context(), flow, code)
	switch {
	case errors.Is(err, signin.ErrUnavailable):
		return caller, &dataapi.Error{Code: dataapi.CodeOverloaded, Detail: "The identity provider cannot be asked at the moment. Begin again.", Err: err}
	case err != nil:
		return refuse(err)
	}
	claims, err := s.Tokens.Identify(r.Context(), flow.Provider, idToken, provider.ID, flow.Nonce)
	if err != nil {
		return caller, err
	}
	if claims.Company != flow.Company {
		return refuse(&setbackError{signInUnknown, errors.New("the provider names another company than the one that was asked for")})
	}
	event.Issuer, event.Reason = flow.Provider, "by a provider"
	if caller, err = s.Directory.ResolveTrusted(claims.Company, claims.User); err != nil {
		return caller, &setbackError{signInUnknown, err}
	}
	return caller, nil
}

// readAnswer returns the code of a provider's answer that belongs to a flow (RFC 6749, 4.1.2; RFC 9207). What it does not know it ignores, as it
// has to.
func readAnswer(query string, flow signin.Flow, provider *signin.Provider, path string) (code string, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", errors.New("the provider's answer cannot be read")
	}
	for _, name := range []string{"code", "state", "iss", "error"} {
		if len(values[name]) > 1 {
			return "", errors.New("the provider's answer has " + name + " more than once")
		}
	}
	switch code = values.Get("code"); {
	case provider == nil || path != flow.Provider:
		return "", &setbackError{signInStale, errors.New("the answer comes by the way of another provider")}
	case subtle.ConstantTimeCompare([]byte(values.Get("state")), []byte(flow.State)) != 1:
		return "", &setbackError{signInStale, errors.New("the state is not the one of this browser's sign-in")}
	case values.Has("iss") && values.Get("iss") != provider.Issuer:
		return "", errors.New("iss is another issuer")
	case values.Has("error"):
		return "", &setbackError{signInDenied, errors.New("the provider has refused the sign-in")}
	case code == "":
		return "", errors.New("the provider's answer has no code")
	}
	return code, nil
}

// openFor begins the session of a caller. It has an API key of its own, whose secret nobody knows, so that it is seen, counted and revoked as every
// other access is.
func (s *signIns) openFor(w http.ResponseWriter, r *http.Request, caller identity.Principal, event *audit.Event) error {
	company, user := caller.Company.Slug, caller.User.Name
	key, _, err := s.Directory.CreateKey(r.Context(), identity.NewKey{
		Company: company, User: user, Name: identity.SignInKeyName, ExpiresAt: time.Now().Add(signInSession),
	})
	if err != nil {
		return err
	}
	event.User, event.KeyID = user, key.ID
	s.Record(w, r, audit.Event{Action: audit.KeyCreated, Company: company, User: user, Issuer: event.Issuer, Subject: key.ID})
	pair, err := s.Families.Begin(r.Context(), s.Tokens, token.Subject{Company: company, User: user, KeyID: key.ID})
	if err != nil {
		return err
	}
	s.open(w, r, pair, event)
	return nil
}
