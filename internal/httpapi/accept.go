package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// The media types that can be asked for.
const (
	jsonType        = "application/json"
	eventStreamType = "text/event-stream"
)

var errNotJSON = dataapi.Errorf(dataapi.CodeNotAcceptable, "The answer is application/json; Accept excludes it.")

// acceptsJSON reports whether an Accept header (RFC 9110, 12.5.1) leaves room for application/json. No header accepts
// anything; so does one that names nothing, and one that cannot be read, as most servers hold it.
func acceptsJSON(header http.Header) bool {
	return weigh(header, jsonType).quality > 0
}

// prefersEvents reports whether an Accept header asks for an event stream rather than for JSON. One that names both
// alike gets JSON.
func prefersEvents(header http.Header) bool {
	events, document := weigh(header, eventStreamType), weigh(header, jsonType)
	if events.quality == document.quality {
		return events.quality > 0 && events.specificity > document.specificity
	}
	return events.quality > document.quality
}

// weight is what an Accept header says of a media type.
type weight struct {
	quality     float64 // 0: not acceptable
	specificity int     // of the range that decides: 2 the type itself, 1 type/*, 0 */*; -1: nothing said
}

// weigh looks up a media type in the Accept headers. The most specific range decides.
func weigh(header http.Header, mediaType string) weight {
	values := header.Values("Accept")
	anything := weight{quality: 1, specificity: -1}
	named := false
	wildcard := mediaType[:strings.IndexByte(mediaType, '/')+1] + "*"
	best := weight{specificity: -1}
	for _, value := range values {
		for value != "" {
			var part string
			part, value = cutOutsideQuotes(value, ',')
			if trimSpace(part) == "" {
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
			if specificity > best.specificity {
				best = weight{quality: quality(parameters["q"]), specificity: specificity}
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
