package admin

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/catalog"
)

// Catalog describes what is served, what is wrong with the files, what is doubtful or waits for its source, and whether
// the sources answer.
type Catalog struct {
	Endpoints []Endpoint    `json:"endpoints"`
	Faults    []string      `json:"faults"`
	Warnings  []string      `json:"warnings"`
	Sources   []SourceState `json:"sources,omitempty"` // with ?sources, which takes as long as they do to answer
}

// Endpoint describes an endpoint.
type Endpoint struct {
	Endpoint string `json:"endpoint"`
	Title    string `json:"title"`
	Mode     string `json:"mode"`
	Source   string `json:"source"`
	Active   bool   `json:"active"`
	Revision string `json:"revision"`
}

func (s *Services) showCatalog(r *http.Request) (any, error) {
	document := Catalog{
		Endpoints: []Endpoint{}, Faults: withEffects(s.Catalog.Diagnostics()), Warnings: withEffects(s.Catalog.Warnings()),
	}
	for _, endpoint := range s.Catalog.Current().Endpoints() {
		document.Endpoints = append(document.Endpoints, Endpoint{
			Endpoint: endpoint.Address.String(), Title: endpoint.Title, Mode: string(endpoint.Mode),
			Source: endpoint.Source, Active: endpoint.Active, Revision: endpoint.Revision,
		})
	}
	if r.URL.Query().Has("sources") {
		document.Sources = s.Sources(r.Context())
	}
	return document, nil
}

func withEffects(faults catalog.Diagnostics) []string {
	texts := make([]string, len(faults))
	for i, fault := range faults {
		texts[i] = fault.WithEffect()
	}
	return texts
}
