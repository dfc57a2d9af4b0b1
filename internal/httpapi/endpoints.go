package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// How many endpoints a page of the list holds.
const (
	defaultEndpoints = 100
	maxEndpoints     = 1000
)

// endpoints tells callers what they may run.
type endpoints struct {
	*access
	documents *otter.Cache[view, openAPIDocument]
}

// endpointsAnswer is the body of GET /api/v1/data-api: what the caller may run, ordered by namespace and slug.
type endpointsAnswer struct {
	Endpoints  []endpointDocument `json:"endpoints"`
	NextCursor *string            `json:"next_cursor"` // null on the last page
}

// endpointDocument describes an endpoint to a caller who may run it.
type endpointDocument struct {
	Namespace   string           `json:"namespace"`
	Slug        string           `json:"slug"`
	Title       string           `json:"title"`
	Description string           `json:"description"` // Markdown
	Mode        string           `json:"mode"`
	OnTimeout   string           `json:"on_timeout"`
	SharedBy    *string          `json:"shared_by"` // the company that owns it; null: the caller's own
	Revision    string           `json:"revision"`
	Deprecated  *time.Time       `json:"deprecated"`
	Sunset      *time.Time       `json:"sunset"`
	Limits      limitsDocument   `json:"limits"`
	Parameters  json.RawMessage  `json:"parameters"` // JSON Schema of parameter_values, as share contexts leave it
	Pinned      []string         `json:"pinned"`     // parameters that are filled in when they are left out, and have one value
	Columns     []columnDocument `json:"columns"`    // null: not known yet, since the database could not be asked
	Links       linksDocument    `json:"links"`
	Chart       *document.Chart  `json:"chart,omitempty"` // how the author wants the result to be drawn
}

type limitsDocument struct {
	TimeoutSeconds    float64 `json:"timeout_seconds"`
	JobTimeoutSeconds float64 `json:"job_timeout_seconds"`
	MaxRows           int     `json:"max_rows"`
}

type columnDocument struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Nullable    bool   `json:"nullable"`
	Description string `json:"description,omitempty"`
}

type linksDocument struct {
	Execute string `json:"execute"`
	Jobs    string `json:"jobs,omitempty"` // absent: the caller may not read jobs
}

// list answers with the endpoints that the caller may run.
func (e *endpoints) list(w http.ResponseWriter, r *http.Request) error {
	if !fields.AcceptsJSON(r.Header) {
		return fields.ErrNotJSON
	}
	query, err := fields.ParseQuery(r, "limit", "cursor", "namespace", "slug", "search")
	if err != nil {
		return err
	}
	limit, err := query.Number("limit", defaultEndpoints, maxEndpoints)
	if err != nil {
		return err
	}
	after, err := openPathCursor(query["cursor"])
	if err != nil {
		return err
	}
	caller := respond.CallerOf(r)
	wanted := execution.Wanted{After: after, Limit: limit, Namespace: query["namespace"], Slug: query["slug"], Search: query["search"]}
	offers, more := e.plan().Offers(caller, wanted)
	answer := endpointsAnswer{Endpoints: make([]endpointDocument, 0, len(offers))}
	for _, offer := range offers {
		answer.Endpoints = append(answer.Endpoints, describeEndpoint(caller, offer, fields.BaseOf(r).Path))
	}
	if more {
		cursor := base64.RawURLEncoding.EncodeToString([]byte(offers[len(offers)-1].Path()))
		answer.NextCursor = &cursor
		query.SetNext(w, r, cursor, limit)
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

// openPathCursor reads where a page begins. It needs no signature: a caller who makes one up sees no more than it may see.
func openPathCursor(text string) (string, error) {
	path, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return "", fields.ErrCursor(err)
	}
	return string(path), nil
}

func describeEndpoint(caller identity.Principal, offer execution.Offer, base string) endpointDocument {
	document := endpointDocument{
		Namespace: offer.Namespace, Slug: offer.Slug, Title: offer.Title, Description: offer.Description,
		Mode: string(offer.Mode), OnTimeout: string(offer.OnTimeout), Revision: offer.Revision,
		Deprecated: respond.TimeOrNull(offer.Deprecated), Sunset: respond.TimeOrNull(offer.Sunset),
		Limits: limitsDocument{
			TimeoutSeconds: offer.Limits.Timeout.Seconds(), JobTimeoutSeconds: offer.Limits.JobTimeout.Seconds(), MaxRows: offer.Limits.MaxRows,
		},
		Parameters: offer.Parameters.Schema,
		Pinned:     []string{},
		Chart:      offer.Chart,
		Links:      linksDocument{Execute: base + offer.URLPath() + "/execute"},
	}
	if offer.Foreign(caller.Company.Slug) {
		document.SharedBy = &offer.Company
	}
	for _, param := range offer.Parameters.Params {
		if param.Pinned != nil {
			document.Pinned = append(document.Pinned, param.Name)
		}
	}
	for _, column := range offer.Columns {
		note := offer.Endpoint.Columns[column.Name]
		document.Columns = append(document.Columns, columnDocument{
			Name: column.Name, Type: string(column.Type), Nullable: !note.NotNull, Description: note.Description,
		})
	}
	if offer.MayGetJob {
		document.Links.Jobs = base + offer.URLPath() + "/jobs"
	}
	return document
}

// permissionsAnswer is the body of GET /api/v1/auth/permissions.
type permissionsAnswer struct {
	identity.PermissionDocument
	SharedEndpoints []sharedEndpoint `json:"shared_endpoints"`
}

// sharedEndpoint is an endpoint of another company that the caller may run, and what that company limits it to. It holds
// beside the share context of the user.
type sharedEndpoint struct {
	Endpoint     string                                 `json:"endpoint"` // namespace/slug
	SharedBy     string                                 `json:"shared_by"`
	ShareContext map[string]identity.ConstraintDocument `json:"share_context"`
}

// permissions tells the caller what it may do.
func (e *endpoints) permissions(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	caller := respond.CallerOf(r)
	answer := permissionsAnswer{PermissionDocument: caller.Permissions(), SharedEndpoints: []sharedEndpoint{}}
	offers, _ := e.plan().Offers(caller, execution.Wanted{})
	for _, offer := range offers {
		if offer.Foreign(caller.Company.Slug) {
			answer.SharedEndpoints = append(answer.SharedEndpoints, sharedEndpoint{
				Endpoint: offer.Path(), SharedBy: offer.Company, ShareContext: identity.DescribeContext(offer.Shared),
			})
		}
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}
