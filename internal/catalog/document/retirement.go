package document

import "time"

// readRetirement reads from when an endpoint is deprecated (RFC 9745) and when it is expected to go (RFC 8594). Neither
// stops it: both are announcements, and an endpoint is served for as long as its file is there and active.
func readRetirement(f fields) (deprecated, sunset time.Time) {
	deprecated, sunset = f.moment("deprecated"), f.moment("sunset")
	if !deprecated.IsZero() && !sunset.IsZero() && sunset.Before(deprecated) {
		f.Fault(f.placeOf("sunset"), "sunset must not be before deprecated: %s < %s",
			f.by["sunset"].value.text, f.by["deprecated"].value.text)
	}
	return deprecated, sunset
}

// moment returns a date, which begins in UTC, or an RFC 3339 timestamp; zero when it is left out or at fault.
func (f fields) moment(key string) time.Time {
	member, ok := f.by[key]
	if !ok {
		return time.Time{}
	}
	value := member.value
	if value.kind == scalarNode {
		for _, layout := range []string{time.DateOnly, time.RFC3339} {
			// HTTP's dates have four digits of year, and Unix time as RFC 9651 has it is not negative here.
			if at, err := time.Parse(layout, value.text); err == nil && at.Year() >= 1970 && at.Unix() >= 0 {
				return at.UTC().Truncate(time.Second)
			}
		}
	}
	f.Fault(value.Place, "%s must be a date such as 2026-12-01, or a timestamp such as 2026-12-01T12:00:00Z; got %s",
		f.name(key), value.describe())
	return time.Time{}
}
