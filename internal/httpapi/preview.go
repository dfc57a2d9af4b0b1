package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// previews run drafts: texts of endpoints that are not stored. A preview goes the way of a call as far as it has one: it counts
// against the same quotas, runs under the same limits and no wider ones, and ends in the database when its caller goes away.
type previews struct {
	*executions
	drafts *execution.Drafts
}

// previewRequest is the body of POST .../preview.
type previewRequest struct {
	Namespace       string         `json:"namespace"`
	Slug            string         `json:"slug"`
	Text            string         `json:"text"`
	ParameterValues jsontext.Value `json:"parameter_values"`
	AsUser          *string        `json:"as_user"`
	MaxRows         *int           `json:"max_rows"`
}

// The rows of a preview.
const (
	defaultPreviewRows = 1000
	maxPreviewRows     = 10_000
)

// previewLimit bounds how often one user runs drafts.
var previewLimit = ratelimit.Limit{Count: 60, Period: time.Minute, Burst: 20}

// previewPolicy names it in the RateLimit fields.
const previewPolicy = "previews"

// preview answers with the result of a draft.
func (p *previews) preview(w http.ResponseWriter, r *http.Request) error {
	x := &exchange{w: w, r: r, begun: time.Now()}
	defer x.endQuotas()
	var request previewRequest
	as, err := p.prepare(x, &request)
	if err == nil {
		err = p.answerPreview(x, &request, as)
	}
	x.failure = err
	call := x.call()
	p.observer.Observe(r.Context(), &call)
	x.charged = usage.Charges(&call)
	if x.ran && p.AuditLog.Enabled() {
		event := audit.CallEvent(&call)
		event.Action = audit.EndpointPreviewed
		if as.User != nil && as.User.Name != x.caller.User.Name {
			event.Subject = as.User.Name
		}
		p.Record(w, r, p.describe(event, x.bound))
	}
	return err
}

// prepare reads what is asked for, and returns the user that it is run as.
func (p *previews) prepare(x *exchange, request *previewRequest) (as identity.Principal, err error) {
	if x.query, err = fields.ParseQuery(x.r, formats.Queries()...); err != nil {
		return as, err
	}
	if x.form, err = formOf(x.w, x.r, x.query); err != nil {
		return as, err
	}
	if err := respond.DecodeBody(x.r, request, false); err != nil {
		return as, err
	}
	if x.caller, err = p.authenticator.Renew(respond.CallerOf(x.r)); err != nil {
		return as, err
	}
	x.namespace, x.slug = request.Namespace, request.Slug
	path := x.namespace + "/" + x.slug
	if !dataapi.ValidSlug(x.namespace) || !dataapi.ValidSlug(x.slug) {
		return as, dataapi.Errorf(dataapi.CodeInvalidRequest, "namespace and slug must be %s.", dataapi.SlugRule)
	}
	for _, action := range []dataapi.Action{dataapi.ActionEdit, dataapi.ActionExecute} {
		if err := x.caller.Require(action, path); err != nil {
			return as, err
		}
	}
	if as, err = p.impersonate(x.caller, request.AsUser, path); err != nil {
		return as, err
	}
	key := p.rates.Key(previewPolicy, x.caller.Company.Slug, x.caller.User.Name)
	if err := respond.Limited(x.w.Header(), previewPolicy, previewLimit, p.rates.Take(key, previewLimit)); err != nil {
		return as, err
	}
	return as, p.limitByQuotas(x)
}

// impersonate returns the user that a draft is run as: its author, or another user of the company. Those who may make keys for that user may see
// what the user sees.
func (p *previews) impersonate(author identity.Principal, name *string, path string) (identity.Principal, error) {
	if name == nil || *name == author.User.Name {
		return author, nil
	}
	if !author.AuthorizeEverywhere(dataapi.ActionManageAccess) {
		return author, dataapi.Errorf(dataapi.CodeForbidden,
			"Your user lacks the permission %s, which running a draft as another user needs.", dataapi.ActionManageAccess)
	}
	user := author.Company.Users[*name]
	if user == nil || !user.Active {
		return author, &dataapi.Error{Code: dataapi.CodeInvalidParameter, Faults: []dataapi.Fault{{
			Parameter: "as_user", Code: dataapi.CodeInvalidParameter,
			Detail: fmt.Sprintf("Your company has no active user %q.", fields.Shorten(*name)),
		}}}
	}
	as, err := identity.NewPrincipal(author.Company, user)
	if err != nil {
		return author, err
	}
	if beyond := author.Beyond(as); beyond != "" {
		return author, dataapi.Errorf(dataapi.CodeForbidden, "The user %s may do more than you: %s.", user.Name, beyond)
	}
	if !as.Authorize(dataapi.ActionExecute, path) {
		return author, dataapi.Errorf(dataapi.CodeForbidden, "The user %s lacks the permission %s on %s.", user.Name, dataapi.ActionExecute, path)
	}
	return as, nil
}

func (p *previews) answerPreview(x *exchange, request *previewRequest, as identity.Principal) (err error) {
	rows := defaultPreviewRows
	if request.MaxRows != nil {
		if rows = *request.MaxRows; rows < 1 || rows > maxPreviewRows {
			return dataapi.Errorf(dataapi.CodeInvalidRequest, "max_rows must be from 1 to %d; got %d.", maxPreviewRows, rows)
		}
	}
	address := dataapi.Address{Company: x.caller.Company.Slug, Namespace: x.namespace, Slug: x.slug}
	if x.called, err = p.drafts.Call(x.r.Context(), address, []byte(request.Text), rows, document.MaxSyncTimeout); err != nil {
		return err
	}
	request.Text = "" // what a slow reader would keep in memory otherwise
	endpoint := x.called.Endpoint
	x.w.Header().Set(revisionField, endpoint.Revision)
	if x.bound, err = x.called.Bind(as, json.RawMessage(request.ParameterValues)); err != nil {
		return err
	}
	request.ParameterValues, x.ran = nil, true
	answer := newResultAnswer(x.w, x.form, endpoint.Slug, endpoint.Limits.MaxRows, nil, true)
	defer answer.Close()
	answer.sender.HoldUntil(time.Now().Add(endpoint.Limits.Timeout + readGrace))
	permitted, stop := respond.WhilePermitted(x.r.Context(), x.caller, p.authenticator.Renew)
	defer stop()
	x.summary, err = x.bound.Run(permitted, answer)
	if refusal := context.Cause(permitted); err != nil && dataapi.HasCode(refusal, dataapi.CodeUnauthenticated) {
		return refusal
	}
	return err
}
