package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// PurgeRequest names the endpoints whose cached results are forgotten: all of them, those of the company that owns them, or
// one of that company's.
type PurgeRequest struct {
	Company  string `json:"company,omitempty"`
	Endpoint string `json:"endpoint,omitempty"` // NAMESPACE/SLUG; needs a company
}

// Purged says how many results this server has forgotten.
type Purged struct {
	Purged int `json:"purged"`
}

// purgeCache forgets results that are cached.
func (s *Services) purgeCache(r *http.Request) (any, error) {
	var request PurgeRequest
	if err := decodeBody(r, &request); err != nil {
		return nil, err
	}
	namespace, slug, pair := strings.Cut(request.Endpoint, "/")
	switch {
	case request.Company != "" && !dataapi.ValidSlug(request.Company):
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "company must be a slug; got %q.", request.Company)
	case request.Endpoint == "":
	case request.Company == "":
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "endpoint needs company, which owns it.")
	case !pair || !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug):
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "endpoint must be NAMESPACE/SLUG; got %q.", request.Endpoint)
	}
	if err := checkPurged(s.Catalog.Current(), request.Company, namespace, slug); err != nil {
		return nil, err
	}
	scope := strings.TrimSuffix(request.Company+"/"+request.Endpoint, "/")
	purged := Purged{s.Cache.Purge(cache.Within(scope))}
	if err := s.TellPurge(r.Context(), scope); err != nil {
		return nil, fmt.Errorf("this server has forgotten %d results, but whether others hear of it is not known; try again: %w", purged.Purged, err)
	}
	return purged, nil
}

// checkPurged refuses a company or an endpoint that the catalog does not have: its results were forgotten with it, and a
// slip of the pen would look like a success. An empty name stands for all.
func checkPurged(snapshot *catalog.Snapshot, slug, namespace, endpoint string) error {
	if slug == "" {
		return nil
	}
	if _, err := FindCompany(snapshot, slug); err != nil || namespace == "" {
		return err
	}
	var paths []string
	for _, other := range snapshot.Endpoints() {
		if other.Company == slug {
			paths = append(paths, other.Path())
		}
	}
	if path := namespace + "/" + endpoint; !slices.Contains(paths, path) {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "The company %s has no endpoint %q%s", slug, path, dataapi.Beside(path, paths))
	}
	return nil
}
