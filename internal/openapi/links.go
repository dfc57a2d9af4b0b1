package openapi

import (
	"github.com/getkin/kin-openapi/openapi3"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

var linkErrors = []dataapi.Code{
	dataapi.CodeInvalidRequest, dataapi.CodeUnauthenticated, dataapi.CodeForbidden, dataapi.CodeEndpointNotFound, dataapi.CodeInternal, dataapi.CodeOverloaded,
}

func (e *endpoint) makeLink() *openapi3.Operation {
	operation := e.operation("makeLinkTo", "Make a presigned link to "+e.title())
	operation.Description = "A URL that runs the endpoint with these parameters as you, without a header, for anyone who has it: for IMPORTDATA, " +
		"Excel and e-mails. It is shown once. It ends when it expires, when it is revoked, and with your API key."
	operation.RequestBody = &openapi3.RequestBodyRef{Value: &openapi3.RequestBody{
		Content: openapi3.Content{"application/json": openapi3.NewMediaType().WithSchemaRef(schemaRef("NewLink"))},
	}}
	made := jobAnswer("The link, with its URL.", schemaRef("MadeLink"), "Location", "LinkLocation", "Referrer-Policy", "ReferrerPolicy")
	operation.Responses.Set("201", &openapi3.ResponseRef{Value: made})
	e.addErrors(operation, append([]dataapi.Code{
		dataapi.CodeRevisionNotFound, dataapi.CodeConflict, dataapi.CodeRequestTooLarge, dataapi.CodeUnsupportedMediaType,
		dataapi.CodeInvalidParameter, dataapi.CodeParameterNotAllowed,
	}, linkErrors...)...)
	return operation
}

func (e *endpoint) listLinks() *openapi3.Operation {
	operation := e.operation("listLinksTo", "List the presigned links to "+e.title())
	operation.Description = "Your own, newest first; with the permission `access:manage` those of your company."
	operation.Parameters = openapi3.Parameters{
		{Value: &openapi3.Parameter{Name: "limit", In: "query", Description: "Links of a page.", Schema: inline(&openapi3.Schema{
			Type: types("integer"), Min: new(1.0), Max: new(200.0), Default: 50,
		})}},
		parameterRef("Cursor"),
	}
	operation.Responses.Set("200", &openapi3.ResponseRef{Value: jobAnswer("A page of links.", schemaRef("LinkList"), "Link", "NextPage")})
	e.addErrors(operation, linkErrors...)
	return operation
}

// linkItem has the operations on one link.
func (e *endpoint) linkItem() *openapi3.PathItem {
	get := e.operation("getLinkTo", "Get a presigned link to "+e.title())
	get.Responses.Set("200", &openapi3.ResponseRef{Value: jobAnswer("The link, without its URL.", schemaRef("Link"))})
	e.addErrors(get, append([]dataapi.Code{dataapi.CodeNotFound}, linkErrors...)...)
	revoke := e.operation("revokeLinkTo", "Revoke a presigned link to "+e.title())
	revoke.Responses.Set("204", &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription("Its URL does not work any more.")})
	e.addErrors(revoke, append([]dataapi.Code{dataapi.CodeNotFound}, linkErrors...)...)
	return &openapi3.PathItem{Parameters: openapi3.Parameters{parameterRef("LinkId")}, Get: get, Delete: revoke}
}
