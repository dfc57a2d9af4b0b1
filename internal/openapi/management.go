package openapi

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

//go:embed management.yaml
var managementText []byte

// management are the operations, before anybody is asked for.
var management = read(managementText)

// fixedActions is the extension that lists the actions of which a caller needs one for an operation.
const fixedActions = "x-actions"

// addManagement adds the operations by which a company looks after what is its own, those that the caller may use.
func (d *document) addManagement(caller identity.Principal) error {
	loaded, err := management()
	if err != nil {
		return fmt.Errorf("the operations of management: %w", err)
	}
	tags := make(map[string]bool)
	for path, item := range loaded.Paths.Map() {
		for method, operation := range item.Operations() {
			if !mayUse(caller, operation) {
				item.SetOperation(method, nil)
				continue
			}
			delete(operation.Extensions, fixedActions)
			tags[operation.Tags[0]] = true
		}
		if len(item.Operations()) > 0 {
			d.Paths.Set(path, item)
		}
	}
	for _, tag := range []*openapi3.Tag{
		{Name: "Access", Description: "Who may do what in your company: users, keys and the secrets of callbacks."},
		{Name: "Endpoints", Description: "How your company's endpoints are written, and changed."},
		{Name: "Operation", Description: "What runs for your company, and its state."},
	} {
		if tags[tag.Name] {
			d.Tags = append(d.Tags, tag)
		}
	}
	maps.Copy(d.Components.Schemas, loaded.Components.Schemas) // what no operation refers to is left out when the document is written
	return nil
}

func mayUse(caller identity.Principal, operation *openapi3.Operation) bool {
	listed, _ := operation.Extensions[fixedActions].([]any)
	return slices.ContainsFunc(listed, func(action any) bool { return caller.AuthorizeSomewhere(dataapi.Action(action.(string))) })
}
