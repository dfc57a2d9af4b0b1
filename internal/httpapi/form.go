package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
)

// form is how a result is to be written.
type form struct {
	format *result.Format
	chosen result.Chosen // of the format's variants
}

// plain reports whether a result has the form in which jobs keep it.
func (f form) plain() bool { return f.format == result.JSON && f.chosen == 0 }

// String names the form, for ETags and keys.
func (f form) String() string {
	names := []string{f.format.Suffix}
	for i, variant := range f.format.Variants {
		if f.chosen.Has(i) {
			names = append(names, variant.Name)
		}
	}
	return strings.Join(names, "-")
}

// formOf finds out in which form the result is asked for: the suffix of the route decides, and without one the Accept
// header does.
func formOf(w http.ResponseWriter, r *http.Request, query fields.Query) (form, error) {
	asked := form{format: formats.WithSuffix(strings.TrimPrefix(path.Ext(r.Pattern), "."))}
	if asked.format == nil {
		w.Header().Add("Vary", "Accept")
		if asked.format = negotiate(r.Header, formats.All); asked.format == nil {
			return form{}, errNoFormat()
		}
	}
	var err error
	asked.chosen, err = formats.Choose(asked.format, query)
	return asked, err
}

// negotiate chooses the format that an Accept header likes best. Of those that it likes alike it is the one that it names
// most exactly, and of those the one that is offered first. No header likes them all. Nil: it excludes them.
func negotiate(header http.Header, offered []*result.Format) (chosen *result.Format) {
	best := fields.Weight{Specificity: -2}
	for _, format := range offered {
		found := fields.Weigh(header, format.MediaType)
		if found.Quality > best.Quality || found.Quality == best.Quality && found.Quality > 0 && found.Specificity > best.Specificity {
			chosen, best = format, found
		}
	}
	return chosen
}

// errNoFormat lists what there is.
func errNoFormat() error {
	types := make([]string, len(formats.All))
	for i, format := range formats.All {
		types[i] = format.MediaType + " (." + format.Suffix + ")"
	}
	detail := fmt.Sprintf("The result is available as %s; Accept excludes them all.", strings.Join(types, ", "))
	return &dataapi.Error{Code: dataapi.CodeNotAcceptable, Detail: detail}
}

// encoder makes an encoder of this form. Limits says whether a JSON document has max_rows and executed_at.
func (f form) encoder(w io.Writer, limits bool, begin result.Beginning) result.Encoder {
	return f.format.Encoder(w, result.EncoderOptions{Chosen: f.chosen, OmitLimits: !limits, BeforeFirstWrite: begin})
}
