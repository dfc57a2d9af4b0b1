package server

import (
	"maps"
	"slices"
	"time"

	"github.com/solucao42/caddy-data-api/internal/buildinfo"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/manage/access"
	"github.com/solucao42/caddy-data-api/internal/manage/endpoints"
	"github.com/solucao42/caddy-data-api/internal/manage/operation"
)

// management are the routes by which companies look after what is theirs.
func (s *Server) management(backend *Backend, directory *identity.Directory) []func(*respond.Responder) respond.Routes {
	return []func(*respond.Responder) respond.Routes{
		access.Routes(access.Services{
			Catalog: s.catalog, Directory: directory, Keys: backend.Keys, Dispatcher: backend.Dispatcher, Documents: backend.Documents,
			CheckUser: func(company, user string, value []byte) (faults []string) {
				for _, fault := range s.catalog.CheckUser(company, user, value) {
					faults = append(faults, fault.Message)
				}
				return faults
			},
		}),
		operation.Routes(operation.Services{
			Catalog: s.catalog, CatalogRoot: s.settings.Catalog, Plan: s.Plan, Jobs: backend.engine, Store: backend.Store, Dispatcher: backend.Dispatcher,
			Usage: backend.Usage, Activity: backend.Activity, Sources: s.managedSources(), Version: buildinfo.Read().Version,
			StoreUp: func() bool { return s.Health().Store.Up },
		}),
		endpoints.Routes(endpoints.Services{Catalog: s.catalog, Documents: backend.Documents, Drafts: s.drafts(), Rates: backend.rates}),
	}
}

// managedSources are the sources as companies are told of them.
func (s *Server) managedSources() (sources []operation.Source) {
	authors := authorsOf(s.settings)
	for _, name := range slices.Sorted(maps.Keys(s.settings.Sources)) {
		shared := s.settings.Sources[name]
		sources = append(sources, operation.Source{
			Name: name, Kind: shared.kind, Describer: shared.describer,
			Author: func(company string) bool { return slices.Contains(authors[name], company) },
			Health: func() (up bool, since time.Time) {
				health := shared.health()
				return health.Up, health.Since
			},
		})
	}
	return sources
}
