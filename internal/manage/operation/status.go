package operation

import (
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// statusDocument is how the server fares, as far as it is a company's business.
type statusDocument struct {
	Version    string            `json:"version"`
	At         time.Time         `json:"at"`
	StartedAt  time.Time         `json:"started_at"`
	Sources    []sourceState     `json:"sources"`
	Store      partState         `json:"store"`
	Jobs       *jobCounts        `json:"jobs"`       // null: the store cannot be asked
	Deliveries *deliveryCounts   `json:"deliveries"` // likewise
	Faults     []faultDocument   `json:"faults"`
	Warnings   []faultDocument   `json:"warnings"`
	Failing    []failingDocument `json:"failing"` // endpoints whose last run failed for a reason of their own
}

type partState struct {
	State string `json:"state"` // up, down
}

type sourceState struct {
	Name  string     `json:"name"`
	Kind  string     `json:"kind"`
	State string     `json:"state"` // up, down
	Since *time.Time `json:"since"` // it is down
}

// jobCounts are of the company's jobs, each up to a bound.
type jobCounts struct {
	Waiting int  `json:"waiting"`
	Running int  `json:"running"`
	More    bool `json:"more"` // there are more than were counted
}

type deliveryCounts struct {
	Dead int  `json:"dead"`
	More bool `json:"more"`
}

type faultDocument struct {
	Path    string  `json:"path"` // below the catalog; what the store has begins with console:
	Line    int     `json:"line"`
	Column  int     `json:"column"`
	Message string  `json:"message"`
	Effect  *string `json:"effect"`
}

type failingDocument struct {
	Endpoint string       `json:"endpoint"`
	Revision string       `json:"revision"`
	Since    time.Time    `json:"since"`
	LastAt   time.Time    `json:"last_at"`
	Failures int          `json:"failures"` // one after the other
	Code     dataapi.Code `json:"code"`
}

// started is when the process began, as nearly as this package knows.
var started = time.Now()

func stateOf(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

// getStatus answers with how the server fares. It asks no source, and tells of no other company.
func (o *operation) getStatus(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	caller := respond.CallerOf(r)
	if err := caller.RequireSomewhere(dataapi.ActionManageAccess, dataapi.ActionEdit); err != nil {
		return err
	}
	company := caller.Company.Slug
	d := statusDocument{
		Version: o.Version, At: time.Now().UTC(), StartedAt: started.UTC(), Sources: []sourceState{}, Store: partState{stateOf(o.StoreUp())},
		Faults: o.faults(company, o.Catalog.Diagnostics()), Warnings: o.faults(company, o.Catalog.Warnings()), Failing: o.failing(caller),
		Jobs: o.countJobs(r, company), Deliveries: o.countDead(r, company),
	}
	for _, s := range o.known(caller) {
		up, since := s.Health()
		d.Sources = append(d.Sources, sourceState{s.Name, s.Kind, stateOf(up), respond.TimeOrNull(since)})
	}
	return respond.WriteJSON(w, http.StatusOK, d)
}

// faults are those of the company's files, and of what the store has of it. Where the catalog lies on the server is not the company's business.
func (o *operation) faults(company string, all document.Diagnostics) []faultDocument {
	above := filepath.Clean(o.CatalogRoot) + string(filepath.Separator) // diagnostics have clean names, and operators write ./catalog
	documents := []faultDocument{}
	for _, fault := range all {
		shown := filepath.ToSlash(strings.TrimPrefix(fault.File, above))
		path, _ := document.StoredPath(shown)
		if strings.HasPrefix(path, company+"/") {
			message := strings.ReplaceAll(fault.Discreet(), above, "")
			documents = append(documents, faultDocument{shown, fault.Line, fault.Column, message, textOrNull(fault.Effect)})
		}
	}
	return documents
}

func (o *operation) failing(caller identity.Principal) []failingDocument {
	all := []failingDocument{}
	for _, found := range o.Plan().Failing() {
		if found.Address.Company == caller.Company.Slug {
			all = append(all, failingDocument{
				found.Address.Path(), found.Revision, found.Since.UTC(), found.Last.UTC(), found.Failures, found.Code,
			})
		}
	}
	return all
}

// countJobs counts the company's jobs that are processing; nil: the store cannot be asked.
func (o *operation) countJobs(r *http.Request, company string) *jobCounts {
	found, next, err := o.Jobs.List(r.Context(), company, job.Filter{Status: job.Processing})
	if err != nil {
		return nil
	}
	counts := &jobCounts{More: !next.IsZero()}
	for i := range found {
		if found[i].Running() {
			counts.Running++
		} else {
			counts.Waiting++
		}
	}
	return counts
}

// maxDead bounds how many dead letters, of all companies, are looked through for the company's.
const maxDead = 500

func (o *operation) countDead(r *http.Request, company string) *deliveryCounts {
	dead, err := o.Store.ListDeliveries(r.Context(), callback.Dead, job.ID{}, maxDead)
	if err != nil {
		return nil
	}
	counts := &deliveryCounts{More: len(dead) == maxDead}
	for i := range dead {
		if dead[i].Company == company {
			counts.Dead++
		}
	}
	return counts
}
