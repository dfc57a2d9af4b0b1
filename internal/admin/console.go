package admin

import (
	"errors"
	"net/http"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// ConsoleEndpoint is an endpoint that the store has.
type ConsoleEndpoint struct {
	Company   string `json:"company"`
	Namespace string `json:"namespace"`
	Slug      string `json:"slug"`
	Text      string `json:"text"`
}

// ConsoleEndpoints are those of a company.
type ConsoleEndpoints struct {
	Endpoints []ConsoleEndpoint `json:"endpoints"`
}

// Imported says what an import has done.
type Imported struct {
	Changed bool `json:"changed"` // false: it was there already
}

// maxText bounds the body of an import, in bytes: a text may be escaped in JSON.
const maxText = 4 << 20

// exportConsole returns the endpoints that the store has of a company.
func (s *Services) exportConsole(r *http.Request) (any, error) {
	company := r.URL.Query().Get("company")
	if _, err := FindCompany(s.Catalog.Current(), company); err != nil {
		return nil, err
	}
	found, err := s.Documents.All(r.Context(), documents.Endpoint, company+"/")
	if err != nil {
		return nil, err
	}
	exported := ConsoleEndpoints{Endpoints: []ConsoleEndpoint{}}
	for _, one := range found {
		parts := strings.Split(one.Key, "/")
		if len(parts) != 3 {
			continue
		}
		exported.Endpoints = append(exported.Endpoints, ConsoleEndpoint{parts[0], parts[1], parts[2], string(one.Value)})
	}
	return exported, nil
}

// importConsole keeps an endpoint in the store, whatever was there. It passes the publish check; where a file has its address, it is
// served when the file goes.
func (s *Services) importConsole(r *http.Request) (any, error) {
	var request ConsoleEndpoint
	if err := decodeUpTo(r, maxText, &request); err != nil {
		return nil, err
	}
	if _, err := FindCompany(s.Catalog.Current(), request.Company); err != nil {
		return nil, err
	}
	address := dataapi.Address{Company: request.Company, Namespace: request.Namespace, Slug: request.Slug}
	if !dataapi.ValidSlug(address.Namespace) || !dataapi.ValidSlug(address.Slug) {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "namespace and slug must be %s", dataapi.SlugRule)
	}
	draft, err := s.Drafts.Check(r.Context(), address, []byte(request.Text))
	if len(draft.Faults) > 0 {
		return nil, &dataapi.Error{Code: dataapi.CodeInvalidEndpoint, Detail: draft.Faults.Error()}
	}
	if err != nil {
		return nil, dataapi.Errorf(dataapi.CodeSourceUnavailable, "%s: its source cannot be asked about the statement: %v", address.Path(), err)
	}
	current, err := s.Documents.GetDocument(r.Context(), documents.Endpoint, address.String())
	if err == nil && string(current.Value) == request.Text {
		return Imported{}, nil
	}
	_, err = s.Documents.Put(r.Context(), documents.Write{
		Kind: documents.Endpoint, Key: address.String(), Value: []byte(request.Text), If: documents.Whatever, Stamp: documents.Stamp{Action: "imported"},
	})
	if err != nil {
		return nil, err
	}
	s.record(r, audit.Event{
		Action: audit.EndpointChanged, Company: request.Company, Endpoint: address.String(), Revision: document.Revision([]byte(request.Text)),
	})
	return Imported{Changed: true}, nil
}

// NewCompanyRequest asks for a company that is in no file.
type NewCompanyRequest struct {
	Company string `json:"company"`
	Name    string `json:"name"`
	Admin   string `json:"admin"` // a first user, who may do everything; empty: none
}

// NewCompany is one that was made.
type NewCompany struct {
	Company string `json:"company"`
	Name    string `json:"name"`
	Admin   string `json:"admin"`
}

// createCompany makes a company in the store.
func (s *Services) createCompany(r *http.Request) (any, error) {
	var request NewCompanyRequest
	if err := decodeBody(r, &request); err != nil {
		return nil, err
	}
	if !dataapi.ValidSlug(request.Company) {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "the company %q must be %s", request.Company, dataapi.SlugRule)
	}
	if _, known := s.Catalog.Current().Company(request.Company); known {
		return nil, dataapi.Errorf(dataapi.CodeConflict,
			"there is a company %s already", request.Company)
	}
	text, err := document.CompanyText(request.Name)
	if err != nil {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "the name cannot be stored: %v", err)
	}
	if request.Admin != "" && !dataapi.ValidSlug(request.Admin) {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "the user %q must be %s", request.Admin, dataapi.SlugRule)
	}
	_, err = s.Documents.Put(r.Context(), documents.Write{
		Kind: documents.Company, Key: request.Company, Value: text, If: documents.Absent, Stamp: documents.Stamp{Action: "created"},
	})
	if errors.Is(err, documents.ErrConflict) {
		return nil, dataapi.Errorf(dataapi.CodeConflict,
			"there is a company %s in the store already; what is at fault is in the log and in `caddy data-api status`", request.Company)
	}
	if err != nil {
		return nil, err
	}
	s.record(r, audit.Event{Action: audit.CompanyCreated, Company: request.Company})
	if request.Admin != "" {
		_, err := s.Documents.Put(r.Context(), documents.Write{
			Kind: documents.User, Key: request.Company + "/" + request.Admin, If: documents.Absent, Stamp: documents.Stamp{Action: "created"},
			Value: []byte(`{"policies":["` + identity.PolicyCompanyAdministrator + `"]}`),
		})
		if err != nil {
			return nil, err
		}
		s.record(r, audit.Event{Action: audit.UserCreated, Company: request.Company, Subject: request.Admin})
	}
	<-s.Catalog.Refresh(request.Company)
	return NewCompany(request), nil
}
