package dataapi

import (
	"strings"
	"time"
)

// Span writes a duration without the zeros that time.Duration puts at its end.
func Span(d time.Duration) string {
	text := d.String()
	for _, zeros := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zeros) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// StoredTime is a time as stores keep it: in UTC, to the microsecond, which is what PostgreSQL holds.
func StoredTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
