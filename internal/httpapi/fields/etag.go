package fields

import "strings"

// Matches reports whether the If-None-Match fields of a request name an entity tag, or any (RFC 9110, 13.1.2). The
// comparison is weak, as it has to be there.
func Matches(fields []string, etag string) bool {
	for _, field := range fields {
		for field != "" {
			var candidate string
			candidate, field = cutOutsideQuotes(field, ',')
			if candidate = TrimSpace(candidate); candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}
