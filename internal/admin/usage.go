package admin

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// showUsage answers with the usage of every company, or of the one that the query names.
func (s *Services) showUsage(r *http.Request) (any, error) {
	values := r.URL.Query()
	query, err := usage.ParseQuery(values.Get, time.Now())
	if err != nil {
		return nil, err
	}
	query.Company = values.Get("company")
	report, err := s.Usage.Report(r.Context(), query)
	if err != nil {
		return nil, err
	}
	if query.Company != "" && len(report.Usage) == 0 { // one that has left the catalog has its usage still
		if _, err := FindCompany(s.Catalog.Current(), query.Company); err != nil {
			return nil, err
		}
	}
	s.record(r, audit.Event{Action: audit.UsageRead, Company: query.Company})
	return report, nil
}
