package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
)

// linkCallers know the callers who present a link: by a GET of .../execute.FORMAT that has it in its query, and no other credentials.
type linkCallers struct {
	*respond.Recorder
	directory *identity.Directory
	links     *link.Links
}

var errLinkBeside = dataapi.Errorf(dataapi.CodeInvalidRequest,
	"A link takes the place of its maker's credentials, and is for a GET without others. Leave out either the link or the Authorization header. "+
		"A parameter of the endpoint of this name is written %s%s.", fields.ParameterPrefix, fields.LinkQuery)

// presentsLink reports whether a request presents a link. It is asked of each request, and looks no further than it has to.
func presentsLink(r *http.Request) bool {
	return strings.Contains(r.URL.RawQuery, fields.LinkQuery+"=") && (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.Header.Get("Authorization") == "" && r.URL.Query().Has(fields.LinkQuery) && linkRoute(r) != nil
}

// linkRoute returns what the path of a request asks for, where it is one that links are made for; nil: it is not. It is as strict as
// it can be: what net/http's mux would still take, such as an escaped letter, no link is made with.
func linkRoute(r *http.Request) *link.Request {
	below, ok := strings.CutPrefix(r.URL.EscapedPath(), dataapi.PathEndpoints+"/")
	parts := strings.Split(below, "/")
	if !ok || len(parts) != 3 || !dataapi.ValidSlug(parts[0]) || !dataapi.ValidSlug(parts[1]) {
		return nil
	}
	suffix, ok := strings.CutPrefix(parts[2], "execute.")
	if !ok || formats.WithSuffix(suffix) == nil {
		return nil
	}
	return &link.Request{Namespace: parts[0], Slug: parts[1], Format: suffix}
}

// open returns the user that the link of a request acts as, and the link. Of one that is not genuine it tells nothing, as of other
// credentials: dataapi.CodeUnauthenticated. The holder of a genuine one is told that it has ended.
func (c *linkCallers) open(ctx context.Context, r *http.Request) (identity.Principal, link.Link, error) {
	asked := linkRoute(r)
	query, texts, err := fields.ParseParameters(r, executeQueries...)
	if asked == nil || err != nil {
		return identity.Principal{}, link.Link{}, dataapi.Wrap(dataapi.CodeUnauthenticated, link.ErrInvalid)
	}
	text := query[fields.LinkQuery]
	delete(query, fields.LinkQuery)
	asked.Options, asked.Texts = query, texts
	opened, err := c.links.Open(ctx, text, *asked)
	switch {
	case errors.Is(err, link.ErrInvalid):
		return identity.Principal{}, link.Link{}, dataapi.Wrap(dataapi.CodeUnauthenticated, err)
	case errors.Is(err, link.ErrExpired), errors.Is(err, link.ErrSpent):
		return identity.Principal{}, opened, linkEnded(err)
	case err != nil:
		return identity.Principal{}, link.Link{}, dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	caller, err := c.directory.Resolve(opened.Company, opened.User, opened.KeyID)
	if dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
		err = &dataapi.Error{Code: dataapi.CodeLinkEnded, Err: err}
	}
	caller.Link = opened.ID
	return caller, opened, err
}

func linkEnded(cause error) error {
	detail := "The link has expired. Ask the person who gave it to you for another one."
	if errors.Is(cause, link.ErrSpent) {
		detail = "The link was used as often as it can be. Ask the person who gave it to you for another one."
	}
	return &dataapi.Error{Code: dataapi.CodeLinkEnded, Detail: detail, Err: cause}
}

// authenticate returns the user that the link of a request acts as.
func (c *linkCallers) authenticate(w http.ResponseWriter, r *http.Request) (identity.Principal, error) {
	w.Header().Set("Referrer-Policy", "no-referrer") // of a page that shows the answer, whatever it is
	caller, opened, err := c.open(r.Context(), r)
	if err == nil {
		return caller, nil
	}
	refusal := observe.InvalidLink
	switch dataapi.AsError(err).Code {
	case dataapi.CodeLinkEnded:
		refusal = observe.EndedLink
	case dataapi.CodeUnauthenticated:
	default:
		return identity.Principal{}, err
	}
	c.Meter.TokenRefused(refusal)
	if c.AuditLog.Enabled() {
		event := audit.Event{Action: audit.AccessRefused, Company: opened.Company, User: opened.User, KeyID: opened.KeyID, LinkID: opened.ID}
		event.Outcome, event.Reason = respond.OutcomeOf(err)
		c.Record(w, r, event)
	}
	return identity.Principal{}, err
}

// useLink counts a use of the link that a call comes by, where it is limited. It is the last that may refuse the call: what has been
// refused before has used nothing. HEAD shows nothing of the result, and so does what asks whether a link is safe to open.
func (e *executions) useLink(x *exchange) error {
	if x.link.Uses == 0 || x.r.Method == http.MethodHead {
		return nil
	}
	switch _, err := e.links.links.UseLink(x.r.Context(), x.link.ID); {
	case errors.Is(err, link.ErrSpent):
		return linkEnded(err)
	case errors.Is(err, link.ErrNotFound):
		return dataapi.Wrap(dataapi.CodeUnauthenticated, err)
	case err != nil:
		return dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	return nil
}
