package openapi

import (
	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// addUsage keeps the report of usage in the documents of those who may read it, and takes it out of all others.
func (d *document) addUsage(caller identity.Principal) {
	if caller.AuthorizeEverywhere(dataapi.ActionGetUsage) {
		d.Tags = append(d.Tags, &openapi3.Tag{Name: "Usage", Description: "What your company has used."})
		return
	}
	d.Paths.Delete(dataapi.PathUsage)
	for _, schema := range []string{"UsageReport", "UsageLine", "UsageSum"} {
		delete(d.Components.Schemas, schema)
	}
}
