package usage

import (
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

const (
	// DefaultRetention is how long usage is kept.
	DefaultRetention = 90 * 24 * time.Hour

	// MinRetention is the least that it is kept: quotas of a month are looked up in it.
	MinRetention = 31 * 24 * time.Hour

	defaultLines = 1000
	maxLines     = 10_000
	maxSums      = 100_000 // that are made, of which the first lines are shown
)

// Parameters are the names that [ParseQuery] asks for.
var Parameters = []string{"from", "to", "by", "limit"}

// Query asks for a report.
type Query struct {
	From, To time.Time  // whole hours
	Company  string     // empty: every company
	By       Dimensions // besides the company
	Limit    int        // lines of the report
}

// dimensions are the dimensions by their names.
var dimensions = []struct {
	name string
	by   Dimensions
}{{"hour", ByHour}, {"day", ByDay}, {"user", ByUser}, {"key", ByKey}, {"endpoint", ByEndpoint}}

// names lists the dimensions, as ParseQuery reads them.
func (d Dimensions) names() []string {
	names := []string{}
	for _, dimension := range dimensions {
		if d&dimension.by != 0 {
			names = append(names, dimension.name)
		}
	}
	return names
}

// ParseQuery reads a query of text: from and to, which are RFC 3339 or dates and lie in UTC; by, dimensions with commas between
// them; limit. Those that are empty have defaults: this month until now, and no dimension but the company. It fails with
// dataapi.CodeInvalidRequest.
func ParseQuery(get func(parameter string) string, now time.Time) (query Query, err error) {
	now = now.UTC()
	query = Query{From: time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC), Limit: defaultLines}
	if query.To, err = parseTime("to", get("to"), now); err != nil {
		return Query{}, err
	}
	query.To = query.To.Add(time.Hour - 1).Truncate(time.Hour)
	if query.From.After(query.To) || query.From.Equal(query.To) { // it is about a month before this one
		query.From = query.To.AddDate(0, -1, 0)
	}
	if query.From, err = parseTime("from", get("from"), query.From); err != nil {
		return Query{}, err
	}
	query.From = query.From.Truncate(time.Hour)
	if !query.From.Before(query.To) {
		return Query{}, dataapi.Errorf(dataapi.CodeInvalidRequest, "from is %s and to is %s: from must lie before to.",
			query.From.Format(time.RFC3339), query.To.Format(time.RFC3339))
	}
	if query.By, err = parseBy(get("by")); err != nil {
		return Query{}, err
	}
	if text := get("limit"); text != "" {
		if query.Limit, err = strconv.Atoi(text); err != nil || query.Limit < 1 || query.Limit > maxLines {
			return Query{}, dataapi.Errorf(dataapi.CodeInvalidRequest, "limit must be a whole number from 1 to %d; got %q.",
				maxLines, dataapi.Shorten(text, 64))
		}
	}
	return query, nil
}

func parseTime(name, text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if parsed, err := time.Parse(layout, text); err == nil {
			return parsed.UTC(), nil
		}
	}
	return time.Time{}, dataapi.Errorf(dataapi.CodeInvalidRequest,
		"%s must be a date such as 2026-04-01, or a time such as 2026-04-01T12:00:00Z; got %q.", name, dataapi.Shorten(text, 64))
}

func parseBy(text string) (by Dimensions, err error) {
	if text == "" {
		return 0, nil
	}
	var known []string
	for _, dimension := range dimensions {
		known = append(known, dimension.name)
	}
words:
	for word := range strings.SplitSeq(text, ",") {
		for _, dimension := range dimensions {
			if strings.TrimSpace(word) == dimension.name {
				by |= dimension.by
				continue words
			}
		}
		return 0, dataapi.Errorf(dataapi.CodeInvalidRequest, "by names the unknown dimension %q%s",
			dataapi.Shorten(word, 64), dataapi.Beside(word, known))
	}
	if by&ByHour != 0 {
		by &^= ByDay // an hour lies in a day
	}
	return by, nil
}
