package admin

import (
	"maps"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// FindCompany returns a company of the catalog, or refuses the slug and says which there are.
func FindCompany(snapshot *catalog.Snapshot, slug string) (*identity.Company, error) {
	company, ok := snapshot.Company(slug)
	if !ok {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "There is no company %q in the catalog%s",
			slug, dataapi.Beside(slug, slices.Sorted(maps.Keys(snapshot.Companies()))))
	}
	return company, nil
}

// FindUser returns a user of a company of the catalog, or refuses the names and says which there are.
func FindUser(snapshot *catalog.Snapshot, slug, name string) (*identity.User, error) {
	company, err := FindCompany(snapshot, slug)
	if err != nil {
		return nil, err
	}
	user, ok := company.Users[name]
	if !ok {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The company %s has no user %q%s",
			slug, name, dataapi.Beside(name, slices.Sorted(maps.Keys(company.Users))))
	}
	return user, nil
}
