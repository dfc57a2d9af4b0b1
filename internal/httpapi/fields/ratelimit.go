package fields

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// AddRateLimit adds a policy to the fields of draft-ietf-httpapi-ratelimit-headers-10: so much may be had in a window, so
// much is left, and when it is the whole again. Durations are told in whole seconds, rounded up.
func AddRateLimit(header http.Header, policy string, quota int64, window time.Duration, remaining int64, reset time.Duration) {
	addItem(header, "RateLimit-Policy", policy, "q", quota, "w", wholeSeconds(window))
	addItem(header, "RateLimit", policy, "r", remaining, "t", wholeSeconds(reset))
}

// addItem adds an item with two parameters to a list (RFC 9651, 3.1).
func addItem(header http.Header, field, name, first string, firstValue int64, second string, secondValue int64) {
	item := make([]byte, 0, 64)
	if before := header.Get(field); before != "" {
		item = append(append(item, before...), ", "...)
	}
	item = append(append(append(item, '"'), name...), '"')
	item = strconv.AppendInt(append(append(append(item, ';'), first...), '='), firstValue, 10)
	item = strconv.AppendInt(append(append(append(item, ';'), second...), '='), secondValue, 10)
	header.Set(field, string(item))
}

// SetRetryAfter asks a caller to wait (RFC 9110, 10.2.3), in whole seconds, rounded up; a wait of nothing is not asked for.
func SetRetryAfter(header http.Header, wait time.Duration) {
	if wait > 0 {
		header.Set("Retry-After", strconv.FormatInt(wholeSeconds(wait), 10))
	}
}

func wholeSeconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }
