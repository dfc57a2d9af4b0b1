package fields

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// The media types that can be asked for.
const (
	JSONType        = "application/json"
	EventStreamType = "text/event-stream"
)

// ErrNotJSON refuses a caller who accepts no JSON where there is nothing else.
var ErrNotJSON = dataapi.Errorf(dataapi.CodeNotAcceptable, "The answer is application/json; Accept excludes it.")

// AcceptsJSON reports whether an Accept header (RFC 9110, 12.5.1) leaves room for application/json. No header accepts
// anything; so does one that names nothing, and one that cannot be read, as most servers hold it.
func AcceptsJSON(header http.Header) bool {
	return Weigh(header, JSONType).Quality > 0
}

// PrefersEvents reports whether an Accept header asks for an event stream rather than for JSON. One that names both
// alike gets JSON.
func PrefersEvents(header http.Header) bool { return prefers(header, EventStreamType) }

// PrefersHTML reports whether an Accept header asks for a page rather than for JSON, as browsers do for their windows. One that
// names both alike gets JSON.
func PrefersHTML(header http.Header) bool { return prefers(header, "text/html") }

// prefers reports whether an Accept header asks for a media type rather than for JSON.
func prefers(header http.Header, mediaType string) bool {
	wanted, document := Weigh(header, mediaType), Weigh(header, JSONType)
	if wanted.Quality == document.Quality {
		return wanted.Quality > 0 && wanted.Specificity > document.Specificity
	}
	return wanted.Quality > document.Quality
}

// Weight is what an Accept header says of a media type.
type Weight struct {
	Quality     float64 // 0: not acceptable
	Specificity int     // of the range that decides: 2 the type itself, 1 type/*, 0 */*; -1: nothing said
}

// Weigh looks up a media type in the Accept headers. The most specific range decides.
func Weigh(header http.Header, mediaType string) Weight {
	values := header.Values("Accept")
	anything := Weight{Quality: 1, Specificity: -1}
	named := false
	wildcard := mediaType[:strings.IndexByte(mediaType, '/')+1] + "*"
	best := Weight{Specificity: -1}
	for _, value := range values {
		for value != "" {
			var part string
			part, value = cutOutsideQuotes(value, ',')
			if TrimSpace(part) == "" {
				continue
			}
			named = true
			mediaRange, parameters, err := mime.ParseMediaType(part)
			if err != nil {
				return anything
			}
			specificity := -1
			switch mediaRange {
			case mediaType:
				specificity = 2
			case wildcard:
				specificity = 1
			case "*/*":
				specificity = 0
			}
			if specificity > best.Specificity {
				best = Weight{Quality: quality(parameters["q"]), Specificity: specificity}
			}
		}
	}
	if !named {
		return anything
	}
	return best
}

// quality reads a weight; one that is missing or no number from 0 to 1 counts as 1.
func quality(text string) float64 {
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 1
	}
	return q
}
