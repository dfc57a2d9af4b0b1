package endpoints

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/source"
)

// contract is what the text of an endpoint says, as far as it can be read.
type contract struct {
	Revision    string          `json:"revision"` // hash of the text
	Title       string          `json:"title"`
	Description string          `json:"description"` // Markdown
	Mode        string          `json:"mode"`
	OnTimeout   string          `json:"on_timeout"`
	Source      string          `json:"source"`
	Active      bool            `json:"active"`
	Deprecated  *time.Time      `json:"deprecated"`
	Sunset      *time.Time      `json:"sunset"`
	Limits      *limits         `json:"limits"`
	Parameters  json.RawMessage `json:"parameters"` // JSON Schema of parameter_values; null: the parameters are at fault
	Columns     []column        `json:"columns"`    // null: not known
	Chart       *document.Chart `json:"chart"`
	SharedWith  []string        `json:"shared_with"`
}

type limits struct {
	TimeoutSeconds    float64 `json:"timeout_seconds"`
	JobTimeoutSeconds float64 `json:"job_timeout_seconds"`
	MaxRows           int     `json:"max_rows"`
}

type column struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Nullable    bool   `json:"nullable"`
	Description string `json:"description,omitempty"`
}

// describe tells what an endpoint says; of nil: nothing can be read.
func describe(written *catalog.Endpoint, columns []source.Column) contract {
	if written == nil {
		return contract{SharedWith: []string{}}
	}
	described := contract{
		Revision: written.Revision, Title: written.Title, Description: written.Description, Mode: string(written.Mode),
		OnTimeout: string(written.OnTimeout), Source: written.Source, Active: written.Active,
		Deprecated: respond.TimeOrNull(written.Deprecated), Sunset: respond.TimeOrNull(written.Sunset),
		Limits: &limits{written.Limits.Timeout.Seconds(), written.Limits.JobTimeout.Seconds(), written.Limits.MaxRows},
		Chart:  written.Chart, SharedWith: append([]string{}, slices.Sorted(maps.Keys(written.Shares))...),
	}
	if written.Contract != nil {
		described.Parameters = written.Contract.Narrow().Schema
	}
	for _, one := range columns {
		note := written.Columns[one.Name]
		described.Columns = append(described.Columns, column{one.Name, string(one.Type), !note.NotNull, note.Description})
	}
	return described
}

// endpointDocument is an endpoint as it is written, for those who may see that.
type endpointDocument struct {
	Namespace string  `json:"namespace"`
	Slug      string  `json:"slug"`
	Origin    string  `json:"origin"`
	Path      *string `json:"path"` // below the catalog; null: it is of the console
	Shadowed  bool    `json:"shadowed"`
	contract
	LiveRevision *string             `json:"live_revision"` // what callers get; null: nothing
	Version      *int64              `json:"version"`       // these four: null for a file
	Author       *string             `json:"author"`
	Message      *string             `json:"message"`
	UpdatedAt    *time.Time          `json:"updated_at"`
	Faults       []dataapi.TextFault `json:"faults"`
	Warnings     []dataapi.TextFault `json:"warnings"`
	May          mayDocument         `json:"may"`
	Links        linksDocument       `json:"links"`
	Text         *string             `json:"text,omitempty"`
}

type mayDocument struct {
	Edit   bool    `json:"edit"`
	Delete bool    `json:"delete"`
	WhyNot *string `json:"why_not"`
}

type linksDocument struct {
	Self      string `json:"self"`
	Execute   string `json:"execute"`
	Jobs      string `json:"jobs"`
	Revisions string `json:"revisions"`
}

// documentOf describes an endpoint to a caller. Text is nil where it is not to be told; it also has the words of the faults.
func (e *endpoints) documentOf(caller identity.Principal, entry *catalog.Entry, text []byte) endpointDocument {
	told := endpointDocument{
		Namespace: entry.Namespace, Slug: entry.Slug, Origin: string(entry.Origin), Shadowed: entry.Shadowed,
		contract: describe(entry.Written, entry.Columns), May: e.may(caller, entry),
		Links: linksDocument{
			Self: entry.URLPath(), Execute: entry.URLPath() + "/execute", Jobs: entry.URLPath() + "/jobs", Revisions: entry.URLPath() + "/revisions",
		},
	}
	if entry.Live != nil {
		told.LiveRevision = &entry.Live.Revision
	}
	words := text
	switch {
	case entry.Origin == catalog.OfFile:
		told.Path = &entry.Below
		if text == nil && len(entry.Faults)+len(entry.Warnings) > 0 {
			words, _ = e.Catalog.ReadFile(entry.Address)
		}
	default:
		version := &entry.Version
		told.Version, told.Message, told.UpdatedAt = &version.Number, &version.Message, respond.TimeOrNull(version.At)
		if version.Author != "" {
			told.Author = &version.Author
		}
		words = entry.Text
	}
	if text != nil {
		told.Revision, told.Text = document.Revision(text), new(string(text))
	} else if told.Revision == "" && words != nil {
		told.Revision = document.Revision(words)
	}
	told.Faults, told.Warnings = execution.Placed(string(words), entry.Faults), execution.Placed(string(words), entry.Warnings)
	return told
}

// may says what a caller may do with an endpoint, and why not.
func (e *endpoints) may(caller identity.Principal, entry *catalog.Entry) mayDocument {
	why := func(text string) *string { return &text }
	if entry.Origin == catalog.OfFile {
		return mayDocument{WhyNot: why("It is the file " + entry.Below + " of the catalog, and is changed there.")}
	}
	if !caller.Authorize(dataapi.ActionEdit, entry.Path()) {
		return mayDocument{WhyNot: why("Your user lacks the permission " + string(dataapi.ActionEdit) + " on " + entry.Path() + ".")}
	}
	may := mayDocument{Edit: true, Delete: true}
	if entry.Written != nil {
		if refusal := e.Catalog.Authors().Refusal(entry.Company, entry.Written.Source); refusal != "" {
			may.Edit, may.WhyNot = false, &refusal
		}
	}
	return may
}

// etagOf is the ETag of an endpoint in either form: files have no versions.
func etagOf(entry *catalog.Entry, text []byte) string {
	if entry.Origin == catalog.OfFile {
		return strconv.Quote(document.Revision(text))
	}
	return versionTag(entry.Version.Number, text)
}

func versionTag(version int64, text []byte) string {
	return strconv.Quote(strconv.FormatInt(version, 10) + "-" + document.Revision(text))
}
