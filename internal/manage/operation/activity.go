package operation

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/activity"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// seriesDocument is how an endpoint has fared in the last day, by the hour.
type seriesDocument struct {
	Calls  []int64        `json:"calls"`
	Errors []int64        `json:"errors"`
	P95    []*float64     `json:"p95_ms"` // as this server has measured it; null: it has not
	Totals totalsDocument `json:"totals"`
}

type totalsDocument struct {
	Calls  int64    `json:"calls"`
	Errors int64    `json:"errors"`
	P95    *float64 `json:"p95_ms"`
}

type endpointActivity struct {
	Endpoint string `json:"endpoint"`
	seriesDocument
}

// activityDocument is what both routes begin with.
type activityDocument struct {
	Hours         []time.Time `json:"hours"` // their beginnings, the oldest first
	MeasuredSince time.Time   `json:"measured_since"`
}

// day is the last day.
type day struct {
	hours  []time.Time
	series map[dataapi.Address]*seriesDocument
}

// readDay joins what is counted of all servers with what this one has measured.
func (o *operation) readDay(r *http.Request, company string) (*day, error) {
	now := time.Now().UTC().Truncate(time.Hour)
	d := &day{series: make(map[dataapi.Address]*seriesDocument)}
	for i := range activity.Hours {
		d.hours = append(d.hours, now.Add(time.Duration(i-activity.Hours+1)*time.Hour))
	}
	rows, err := o.Usage.Read(r.Context(), usage.Filter{
		From: d.hours[0], To: now.Add(time.Hour), Company: company, By: usage.ByHour | usage.ByEndpoint,
	})
	if err != nil {
		return nil, dataapi.Wrap(dataapi.CodeOverloaded, err)
	}
	for i := range rows {
		row := &rows[i]
		at := int(row.Hour.Sub(d.hours[0]) / time.Hour)
		if row.Endpoint == (dataapi.Address{}) || at < 0 || at >= activity.Hours {
			continue
		}
		s := d.of(row.Endpoint)
		s.Calls[at] += row.Counts[usage.Calls]
		s.Errors[at] += row.Counts.Errors()
	}
	for endpoint, times := range o.Activity.Times(company) {
		s := d.of(endpoint)
		for i, took := range times.ByHour {
			s.P95[i] = milliseconds(took)
		}
		s.Totals.P95 = milliseconds(times.Day)
	}
	for _, s := range d.series {
		for i := range s.Calls {
			s.Totals.Calls += s.Calls[i]
			s.Totals.Errors += s.Errors[i]
		}
	}
	return d, nil
}

func (d *day) of(endpoint dataapi.Address) *seriesDocument {
	if d.series[endpoint] == nil {
		d.series[endpoint] = &seriesDocument{
			Calls: make([]int64, activity.Hours), Errors: make([]int64, activity.Hours), P95: make([]*float64, activity.Hours),
		}
	}
	return d.series[endpoint]
}

// milliseconds writes a duration to a tenth; nil for none.
func milliseconds(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	return new(float64(d.Round(100*time.Microsecond)) / float64(time.Millisecond))
}

// listActivity answers with how the endpoints have fared that the caller may view.
func (o *operation) listActivity(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	caller := respond.CallerOf(r)
	if err := caller.RequireSomewhere(dataapi.ActionView); err != nil {
		return err
	}
	read, err := o.readDay(r, caller.Company.Slug)
	if err != nil {
		return err
	}
	answer := struct {
		activityDocument
		Endpoints []endpointActivity `json:"endpoints"`
	}{activityDocument{read.hours, o.Activity.Since().UTC()}, []endpointActivity{}}
	for endpoint, series := range read.series {
		if caller.Authorize(dataapi.ActionView, endpoint.Path()) {
			answer.Endpoints = append(answer.Endpoints, endpointActivity{endpointName(caller.Company.Slug, endpoint), *series})
		}
	}
	slices.SortFunc(answer.Endpoints, func(a, b endpointActivity) int {
		return cmp.Or(cmp.Compare(b.Totals.Calls, a.Totals.Calls), strings.Compare(a.Endpoint, b.Endpoint))
	})
	return respond.WriteJSON(w, http.StatusOK, answer)
}

// errorDocument is one call that has failed.
type errorDocument struct {
	At         time.Time `json:"at"`
	Code       string    `json:"code"`
	Status     *int      `json:"status"` // null: the caller had gone
	Detail     *string   `json:"detail"`
	RequestID  *string   `json:"request_id"`
	JobID      *string   `json:"job_id"`
	User       string    `json:"user"`
	KeyID      *string   `json:"api_key"`
	DurationMS float64   `json:"duration_ms"`
}

// getActivity answers with how one endpoint has fared, and the latest errors of its calls.
func (o *operation) getActivity(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	caller := respond.CallerOf(r)
	path, err := viewedPath(r, caller)
	if err != nil {
		return err
	}
	read, err := o.readDay(r, caller.Company.Slug)
	if err != nil {
		return err
	}
	endpoint, err := o.findEndpoint(caller.Company.Slug, path, read)
	if err != nil {
		return err
	}
	answer := struct {
		activityDocument
		seriesDocument
		Errors []errorDocument `json:"recent_errors"`
	}{activityDocument{read.hours, o.Activity.Since().UTC()}, *read.of(endpoint), []errorDocument{}}
	for _, e := range o.Activity.Errors(caller.Company.Slug, endpoint) {
		described := errorDocument{
			At: e.At, Code: e.Code, Detail: textOrNull(e.Detail), RequestID: textOrNull(e.RequestID), JobID: textOrNull(e.JobID),
			User: e.User, KeyID: textOrNull(e.KeyID), DurationMS: float64(e.Took.Round(100*time.Microsecond)) / float64(time.Millisecond),
		}
		if definition := dataapi.Code(e.Code).Definition(); string(definition.Code) == e.Code {
			described.Status = &definition.Status
		}
		answer.Errors = append(answer.Errors, described)
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

// viewedPath returns the namespace and slug that the request names, when the caller may view what is there. The company is the caller's.
func viewedPath(r *http.Request, caller identity.Principal) (own dataapi.Address, err error) {
	own = dataapi.Address{Company: caller.Company.Slug, Namespace: r.PathValue("namespace"), Slug: r.PathValue("slug")}
	if !dataapi.ValidSlug(own.Namespace) || !dataapi.ValidSlug(own.Slug) {
		return own, &dataapi.Error{Code: dataapi.CodeEndpointNotFound}
	}
	return own, caller.Require(dataapi.ActionView, own.Path())
}

// findEndpoint returns the address of what a company reaches at a path, has of its own there although nobody reaches it, or has reached in
// the last day. The path is that of the company's own endpoint.
func (o *operation) findEndpoint(company string, own dataapi.Address, read *day) (dataapi.Address, error) {
	if endpoint, _, ok := o.Catalog.Current().Find(company, own.Namespace, own.Slug); ok {
		return endpoint.Address, nil
	}
	if read.series[own] != nil || slices.ContainsFunc(o.Catalog.Entries(company), func(e catalog.Entry) bool { return e.Address == own }) {
		return own, nil
	}
	for _, reached := range slices.SortedFunc(maps.Keys(read.series), dataapi.Address.Compare) {
		if reached.Path() == own.Path() {
			return reached, nil // its owner does not share it any more
		}
	}
	return own, &dataapi.Error{Code: dataapi.CodeEndpointNotFound}
}
