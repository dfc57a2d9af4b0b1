package openapi

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

//go:embed management.yaml
var managementText []byte

// management are the operations, before anybody is asked for.
var management = compiled(managementText)

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
		{Name: "Operation", Description: "What runs for your company, and how it fares."},
	} {
		if tags[tag.Name] {
			d.Tags = append(d.Tags, tag)
		}
	}
	return d.addUsedSchemas(loaded.Components.Schemas)
}

func mayUse(caller identity.Principal, operation *openapi3.Operation) bool {
	listed, _ := operation.Extensions[fixedActions].([]any)
	return slices.ContainsFunc(listed, func(action any) bool { return caller.AuthorizeSomewhere(dataapi.Action(action.(string))) })
}

// addUsedSchemas adds the schemas that an operation of the document refers to, and those that they refer to.
func (d *document) addUsedSchemas(schemas openapi3.Schemas) error {
	text, err := d.Paths.MarshalJSON()
	if err != nil {
		return err
	}
	for added := true; added; {
		added = false
		for name, schema := range schemas {
			if d.Components.Schemas[name] != nil || !strings.Contains(string(text), `"#/components/schemas/`+name+`"`) {
				continue
			}
			d.Components.Schemas[name], added = schema, true
			more, err := schema.MarshalJSON()
			if err != nil {
				return err
			}
			text = append(text, more...)
		}
	}
	return nil
}
