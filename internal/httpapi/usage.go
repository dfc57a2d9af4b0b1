package httpapi

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// reports tells companies what they have used.
type reports struct {
	*respond.Recorder
	usage *usage.Counter
}

// formatQuery names the format of a report, before Accept does.
const formatQuery = "format"

// reportFormats are the formats of a report, the default first.
var reportFormats = []*result.Format{result.JSON, result.CSV}

// get answers with the usage of the caller's company.
func (u *reports) get(w http.ResponseWriter, r *http.Request) error {
	caller := respond.CallerOf(r)
	if !caller.AuthorizeEverywhere(dataapi.ActionGetUsage) {
		return dataapi.Errorf(dataapi.CodeForbidden, "Your user lacks the permission %s on every endpoint.", dataapi.ActionGetUsage)
	}
	values, err := fields.ParseQuery(r, append([]string{formatQuery}, usage.Parameters...)...)
	if err != nil {
		return err
	}
	format, err := reportFormat(w, r, values)
	if err != nil {
		return err
	}
	query, err := usage.ParseQuery(func(name string) string { return values[name] }, time.Now())
	if err != nil {
		return err
	}
	query.Company = caller.Company.Slug
	report, err := u.usage.Report(r.Context(), query)
	if err != nil {
		return unlessKnown(err)
	}
	if u.AuditLog.Enabled() {
		u.Record(w, r, respond.EventBy(caller, audit.UsageRead))
	}
	if format == result.JSON {
		return respond.WriteJSON(w, http.StatusOK, report)
	}
	return sendReport(w, report)
}

// unlessKnown makes of a store that cannot be asked what the caller is told: to come again.
func unlessKnown(err error) error {
	if dataapi.HasCode(err, dataapi.CodeInvalidRequest) {
		return err
	}
	return dataapi.Wrap(dataapi.CodeOverloaded, err)
}

func reportFormat(w http.ResponseWriter, r *http.Request, values fields.Query) (*result.Format, error) {
	asked, named := values[formatQuery]
	for _, format := range reportFormats {
		if named && asked == format.Suffix {
			return format, nil
		}
	}
	if named {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "format must be json or csv; got %q.", fields.Shorten(asked))
	}
	w.Header().Add("Vary", "Accept")
	if format := negotiate(r.Header, reportFormats); format != nil {
		return format, nil
	}
	return nil, dataapi.Errorf(dataapi.CodeNotAcceptable, "Usage is available as %s and %s; Accept excludes both.",
		result.JSON.MediaType, result.CSV.MediaType)
}

func sendReport(w http.ResponseWriter, report usage.Report) error {
	var body bytes.Buffer
	if err := report.WriteCSV(&body); err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", result.CSV.ContentType)
	header.Set("Content-Disposition", `attachment; filename="usage.csv"`)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	_, err := w.Write(body.Bytes())
	return err
}
