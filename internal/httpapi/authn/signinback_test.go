package authn

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
)

// Whatever the error is, a person comes to the console, by the path that the browser knows; where there is none, the error is answered.
func TestLeadBack(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, dataapi.PathSignedIn+"/x?code=1", http.NoBody)
	r.Header.Set("Accept", "text/html, */*;q=0.8")
	r = r.WithContext(fields.WithBase(r.Context(), dataapi.Base{Path: "/tools"}))
	at := func(path string) *signIns {
		return &signIns{&sessions{tokens: &tokens{Authenticator: &Authenticator{Console: func() string { return path }}}}}
	}
	for want, err := range map[string]error{
		"throttled":   &dataapi.Error{Code: dataapi.CodeRateLimited},
		"unavailable": dataapi.Wrap(dataapi.CodeOverloaded, errors.New("the store is away")),
		"failed":      errors.New("the store is damaged"),
		"stale":       dataapi.Wrap(dataapi.CodeUnauthenticated, &setbackError{signInStale, errors.New("too late")}),
		"unknown":     &setbackError{signInUnknown, dataapi.Wrap(dataapi.CodeUnauthenticated, errors.New("nobody"))},
	} {
		answer := errors.New("the answer")
		elsewhere, ok := errors.AsType[*respond.SeeOtherError](at("/console").leadBack(r, err, answer))
		if !ok || elsewhere.Location != "/tools/console/#/sign-in?failed="+want || !errors.Is(elsewhere, answer) {
			t.Errorf("%v leads to %+v", err, elsewhere)
		}
		got := at("").leadBack(r, err, answer)
		if _, leads := errors.AsType[*respond.SeeOtherError](got); leads || !errors.Is(got, answer) {
			t.Errorf("without a console: %v", got)
		}
	}
}
