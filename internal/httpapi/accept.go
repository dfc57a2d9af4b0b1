package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// acceptsJSON reports whether an Accept header (RFC 9110, 12.5.1) leaves room for application/json. No header accepts
// anything; so does one that cannot be read, as most servers hold it. The most specific range decides.
func acceptsJSON(header http.Header) bool {
	values := header.Values("Accept")
	if len(values) == 0 {
		return true
	}
	best, accepted := -1, false
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			mediaRange, parameters, err := mime.ParseMediaType(part)
			if err != nil {
				return true
			}
			specificity := -1
			switch mediaRange {
			case "application/json":
				specificity = 2
			case "application/*":
				specificity = 1
			case "*/*":
				specificity = 0
			}
			if specificity > best {
				best = specificity
				accepted = quality(parameters["q"]) > 0
			}
		}
	}
	return accepted
}

// quality reads a weight; one that is missing or no number counts as 1.
func quality(text string) float64 {
	weight, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 1
	}
	return weight
}
