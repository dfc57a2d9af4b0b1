package fields

import (
	"net/http"
	"strings"
)

// NoCache reports whether a request asks for an answer that is made again: Cache-Control: no-cache (RFC 9111, 5.2.1.4).
func NoCache(header http.Header) bool {
	for _, field := range header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(field, ",") {
			if name, _, _ := strings.Cut(directive, "="); strings.EqualFold(TrimSpace(name), "no-cache") {
				return true
			}
		}
	}
	return false
}
