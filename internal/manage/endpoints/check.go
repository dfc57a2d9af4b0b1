package endpoints

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
)

// checkRequest is the body of POST .../check.
type checkRequest struct {
	Namespace string `json:"namespace"`
	Slug      string `json:"slug"`
	Text      string `json:"text"`
}

// checkAnswer says what a draft is.
type checkAnswer struct {
	Namespace string `json:"namespace"`
	Slug      string `json:"slug"`
	contract
	Faults      []dataapi.TextFault `json:"faults"`
	Warnings    []dataapi.TextFault `json:"warnings"`     // what would come of it, for callers and for users with share contexts
	SourceAsked bool                `json:"source_asked"` // the database has judged the statement
}

// check says what is wrong with a draft, and what columns it has. Nothing is stored.
func (e *endpoints) check(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	caller := respond.CallerOf(r)
	if err := e.limit(w, caller, "checks", checkLimit); err != nil {
		return err
	}
	var request checkRequest
	if err := respond.DecodeBody(r, &request, false); err != nil {
		return err
	}
	address := dataapi.Address{Company: caller.Company.Slug, Namespace: request.Namespace, Slug: request.Slug}
	if !dataapi.ValidSlug(address.Namespace) || !dataapi.ValidSlug(address.Slug) {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "namespace and slug must be %s.", dataapi.SlugRule)
	}
	if err := caller.Require(dataapi.ActionEdit, address.Path()); err != nil {
		return err
	}
	if err := checkSize(request.Text); err != nil {
		return err
	}
	draft, err := e.Drafts.Check(r.Context(), address, []byte(request.Text))
	if err != nil && !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
		return err
	}
	answer := checkAnswer{
		Namespace: request.Namespace, Slug: request.Slug, contract: describe(draft.Endpoint, draft.Columns),
		Faults: execution.Placed(request.Text, draft.Faults), Warnings: execution.Placed(request.Text, draft.Warnings), SourceAsked: draft.Asked,
	}
	answer.Revision = document.Revision([]byte(request.Text))
	return respond.WriteJSON(w, http.StatusOK, answer)
}
