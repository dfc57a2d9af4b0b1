package caddymodule

import (
	"net/http"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// purgeRequest names the endpoints whose kept results are forgotten: all of them, those of the company that owns them, or
// one of that company's.
type purgeRequest struct {
	Company  string `json:"company,omitempty"`
	Endpoint string `json:"endpoint,omitempty"` // NAMESPACE/SLUG; needs a company
}

type purgeAnswer struct {
	Purged int `json:"purged"`
}

// purgeCache forgets results that are kept in memory.
func purgeCache(ready services, r *http.Request) (int, any, error) {
	var request purgeRequest
	if err := decodeAdminBody(r, &request); err != nil {
		return 0, nil, err
	}
	namespace, slug, pair := strings.Cut(request.Endpoint, "/")
	switch {
	case request.Company != "" && !dataapi.ValidSlug(request.Company):
		return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "company must be a slug; got %q.", request.Company)
	case request.Endpoint == "":
	case request.Company == "":
		return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "endpoint needs company, which owns it.")
	case !pair || !dataapi.ValidSlug(namespace) || !dataapi.ValidSlug(slug):
		return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "endpoint must be NAMESPACE/SLUG; got %q.", request.Endpoint)
	}
	if err := checkPurged(ready.app.server.Catalog().Current(), request.Company, namespace, slug); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, purgeAnswer{ready.Cache.Purge(func(address dataapi.Address) bool {
		return (request.Company == "" || address.Company == request.Company) &&
			(request.Endpoint == "" || address.Namespace == namespace && address.Slug == slug)
	})}, nil
}

// checkPurged refuses a company or an endpoint that the catalog does not have: its results were forgotten with it, and a
// slip of the pen would look like a success. An empty name stands for all.
func checkPurged(snapshot *catalog.Snapshot, slug, namespace, endpoint string) error {
	if slug == "" {
		return nil
	}
	if _, err := knownCompany(snapshot, slug); err != nil || namespace == "" {
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
