package quota

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Unit is what a quota counts.
type Unit string

// The units.
const (
	Calls Unit = "calls" // executions: queries that were to run, and jobs that were accepted
	Rows  Unit = "rows"  // of their results
)

// Window is a span of the calendar, in UTC. All quotas of a window begin again at the same moment.
type Window string

// The windows.
const (
	Hour  Window = "1h"
	Day   Window = "1d"
	Month Window = "1mo"
)

// Windows are all windows, the shortest first.
var Windows = [...]Window{Hour, Day, Month}

// Bounds returns the beginning of the window that a time lies in, and its end, which is the beginning of the next one.
func (w Window) Bounds(at time.Time) (begin, end time.Time) {
	at = at.UTC()
	switch w {
	case Hour:
		begin = at.Truncate(time.Hour)
		return begin, begin.Add(time.Hour)
	case Day:
		begin = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
		return begin, begin.AddDate(0, 0, 1)
	default:
		begin = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
		return begin, begin.AddDate(0, 1, 0)
	}
}

// Limit is a quota: so many of a unit in each window.
type Limit struct {
	Count  int64 // from 1 to 1,000,000,000,000
	Unit   Unit
	Window Window
}

const maxCount = 1_000_000_000_000

// Syntax is how quotas are written, in words for authors who have written one wrongly.
const Syntax = "COUNT calls/PERIOD or COUNT rows/PERIOD, where the period is 1h, 1d or 1mo, such as 100000 calls/1d; or unlimited"

var syntax = regexp.MustCompile(`^([0-9]{1,15}) +(calls|rows)/(1h|1d|1mo)$`)

// Unlimited is the text that stands for no quota.
const Unlimited = "unlimited"

// Parse reads a quota as [Syntax] says, without [Unlimited]. The error is in words for the author, and does not repeat the text.
func Parse(text string) (Limit, error) {
	limit, ok := parse(text)
	switch {
	case !ok:
		return Limit{}, errors.New("must be written " + Syntax + meant(text))
	case limit.Count < 1 || limit.Count > maxCount:
		return Limit{}, fmt.Errorf("has a count of %d: it must lie between 1 and %d", limit.Count, int64(maxCount))
	}
	return limit, nil
}

func parse(text string) (limit Limit, ok bool) {
	parts := syntax.FindStringSubmatch(text)
	if parts == nil {
		return Limit{}, false
	}
	count, _ := strconv.ParseInt(parts[1], 10, 64) // at most 15 digits
	return Limit{Count: count, Unit: Unit(parts[2]), Window: Window(parts[3])}, true
}

// String writes the quota as Parse reads it.
func (l Limit) String() string { return fmt.Sprintf("%d %s/%s", l.Count, l.Unit, l.Window) }

// Name tells the quotas of one holder apart, as calls-1d does.
func (l Limit) Name() string { return string(l.Unit) + "-" + string(l.Window) }

// loose matches quotas as they are written elsewhere: 1_000 requests per day, 100k rows/month, calls 5/h.
var loose = regexp.MustCompile(`(?i)^([0-9][0-9_,.]*)\s*(k|m)?\s*(calls?|requests?|req|executions?|rows?|records?)?\s*(?:/|per|a|each)\s*(?:1\s*)?` +
	`(h|hr|hour|d|day|mo|mon|month)s?$`)

// meant ends a sentence about a text that is no quota, where one can guess which it should be.
func meant(text string) string {
	parts := loose.FindStringSubmatch(strings.TrimSpace(text))
	if parts == nil {
		return ""
	}
	count := strings.NewReplacer("_", "", ",", "", ".", "").Replace(parts[1])
	count += map[string]string{"k": "000", "m": "000000"}[strings.ToLower(parts[2])]
	unit, window := Calls, Hour
	if strings.HasPrefix(strings.ToLower(parts[3]), "r") && !strings.HasPrefix(strings.ToLower(parts[3]), "req") {
		unit = Rows
	}
	switch period := strings.ToLower(parts[4]); {
	case strings.HasPrefix(period, "d"):
		window = Day
	case strings.HasPrefix(period, "mo"):
		window = Month
	}
	guess := fmt.Sprintf("%s %s/%s", count, unit, window)
	if limit, ok := parse(guess); ok {
		return "; did you mean " + limit.String() + "?"
	}
	return ""
}
