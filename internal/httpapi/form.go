package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/columnar"
)

// form is how a result is to be written. The zero value is no form.
type form struct {
	format         result.Format
	arrays         bool // of JSON: rows are arrays
	escapeFormulas bool // of CSV
}

// plain reports whether a result has the form in which jobs keep it.
func (f form) plain() bool { return f.format == result.FormatJSON && !f.arrays }

// String names the form, for ETags and keys.
func (f form) String() string {
	switch {
	case f.arrays:
		return string(f.format) + "-arrays"
	case f.escapeFormulas:
		return string(f.format) + "-escaped"
	default:
		return string(f.format)
	}
}

// The query parameters that vary a form, and their values, of which the first is the default.
const (
	rowsAs      = "rows_as"
	csvFormulas = "csv_formulas"
)

var formValues = map[string][2]string{
	rowsAs:      {"objects", "arrays"},
	csvFormulas: {"keep", "escape"},
}

// formOf finds out in which form the result is asked for: the suffix of the path decides, and without one the Accept
// header does. Offered are the formats that there are here.
func formOf(w http.ResponseWriter, r *http.Request, offered []result.Format, query query) (form, error) {
	asked := form{format: result.Format(strings.TrimPrefix(path.Ext(r.Pattern), "."))}
	if asked.format == "" {
		w.Header().Add("Vary", "Accept")
		var ok bool
		if asked.format, ok = negotiate(r.Header, offered); !ok {
			return form{}, errNoFormat(r.Header, offered)
		}
	}
	var err error
	if asked.arrays, err = query.variant(rowsAs, asked.format, result.FormatJSON); err != nil {
		return form{}, err
	}
	asked.escapeFormulas, err = query.variant(csvFormulas, asked.format, result.FormatCSV)
	return asked, err
}

// variant reports whether a query parameter has the second of its values. It belongs to one format.
func (q query) variant(name string, asked, owner result.Format) (bool, error) {
	text, ok := q[name]
	if !ok {
		return false, nil
	}
	if asked != owner {
		return false, dataapi.Errorf(dataapi.CodeInvalidRequest, "%s is for %s; this request asks for %s.",
			name, owner.MediaType(), asked.MediaType())
	}
	values := formValues[name]
	if text != values[0] && text != values[1] {
		return false, dataapi.Errorf(dataapi.CodeInvalidRequest, "%s must be %s or %s; got %q.", name, values[0], values[1], shorten(text))
	}
	return text == values[1], nil
}

// negotiate chooses the format that an Accept header likes best. Of those that it likes alike it is the one that it names
// most exactly, and of those the one that is offered first. No header likes them all.
func negotiate(header http.Header, offered []result.Format) (result.Format, bool) {
	var chosen result.Format
	best := weight{specificity: -2}
	for _, format := range offered {
		found := weigh(header, format.MediaType())
		if found.quality > best.quality || found.quality == best.quality && found.quality > 0 && found.specificity > best.specificity {
			chosen, best = format, found
		}
	}
	return chosen, chosen != ""
}

// errNoFormat lists what there is.
func errNoFormat(header http.Header, offered []result.Format) error {
	types := make([]string, len(offered))
	for i, format := range offered {
		types[i] = format.MediaType() + " (." + string(format) + ")"
	}
	detail := fmt.Sprintf("The result can be had as %s; Accept excludes them all.", strings.Join(types, ", "))
	if asked := weigh(header, result.FormatParquet.MediaType()); asked.quality > 0 && asked.specificity == 2 {
		detail += " " + parquetOfJobs
	}
	return &dataapi.Error{Code: dataapi.CodeNotAcceptable, Detail: detail}
}

// parquetOfJobs is for who wants Parquet of an endpoint.
const parquetOfJobs = "Parquet is for the results of jobs: make a job with Prefer: respond-async, and get jobs/{job_id}/result.parquet " +
	"when it has completed."

// encoder makes an encoder of this form. Limits says whether a JSON document has max_rows and executed_at.
func (f form) encoder(w io.Writer, limits bool, begin result.BeforeFirstWrite) result.Encoder {
	switch f.format {
	case result.FormatNDJSON:
		return result.NewJSON(w, result.JSONOptions{Layout: result.Lines, BeforeFirstWrite: begin})
	case result.FormatCSV:
		return result.NewCSV(w, result.CSVOptions{EscapeFormulas: f.escapeFormulas, BeforeFirstWrite: begin})
	case result.FormatArrow:
		return columnar.NewArrow(w, begin)
	case result.FormatParquet:
		return columnar.NewParquet(w, begin)
	default:
		options := result.JSONOptions{OmitLimits: !limits, BeforeFirstWrite: begin}
		if f.arrays {
			options.Layout = result.Arrays
		}
		return result.NewJSON(w, options)
	}
}
