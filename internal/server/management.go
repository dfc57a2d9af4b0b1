package server

import (
	"maps"
	"slices"
	"time"

	"github.com/solucao42/caddy-data-api/internal/buildinfo"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/httpapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/links"
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
			CheckUser: func(company, user string, value []byte) (*identity.User, []string) {
				made, faults := s.catalog.CheckUser(company, user, value)
				return made, messagesOf(faults)
			},
			CheckPolicy: func(company, policy string, value []byte) (*identity.Policy, []string) {
				made, faults := s.catalog.CheckPolicy(company, policy, value)
				return made, messagesOf(faults)
			},
		}),
		operation.Routes(operation.Services{
			Catalog: s.catalog, CatalogRoot: s.settings.Catalog, Plan: s.Plan, Jobs: backend.engine, Store: backend.Store, Dispatcher: backend.Dispatcher,
			Usage: backend.Usage, Activity: backend.Activity, Sources: s.managedSources(), Version: buildinfo.Read().Version,
			StoreUp: func() bool { return s.Health().Store.Up },
		}),
		links.Routes(links.Services{
			Links: backend.links, Plan: s.Plan, Scheme: s.settings.Scheme, Reserved: httpapi.ReservedQueries(),
		}),
		endpoints.Routes(endpoints.Services{Catalog: s.catalog, Documents: backend.Documents, Drafts: s.Drafts(), Rates: backend.rates}),
	}
}

func messagesOf(faults catalog.Diagnostics) (messages []string) {
	for _, fault := range faults {
		messages = append(messages, fault.Message)
	}
	return messages
}

// managedSources are the sources as companies are told of them.
func (s *Server) managedSources() (sources []operation.Source) {
	authors := authorsOf(s.settings)
	for _, name := range slices.Sorted(maps.Keys(s.settings.Sources)) {
		shared := s.settings.Sources[name]
		managed := operation.Source{
			Name: name, Kind: shared.kind,
			Author: func(company string) bool { return slices.Contains(authors[name], company) },
			Health: func() (up bool, since time.Time) {
				health := shared.health()
				return health.Up, health.Since
			},
		}
		if shared.describes {
			managed.Describe = shared.admitted.Describe
		}
		sources = append(sources, managed)
	}
	return sources
}
