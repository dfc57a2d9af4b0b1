package ratelimit

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Limit is a token bucket: Burst tokens fit in, and Count of them flow in over each Period. The zero Limit, [Unlimited],
// limits nothing.
type Limit struct {
	Count  int           // from 1 to 1,000,000
	Period time.Duration // whole seconds, from 1 s to 24 h
	Burst  int           // from 1 to 1,000,000
}

// Unlimited sets no limit.
var Unlimited = Limit{}

const (
	maxCount  = 1_000_000
	minPeriod = time.Second
	maxPeriod = 24 * time.Hour
	maxFill   = 31 * 24 * time.Hour // how long an empty bucket may take to fill
)

// Syntax is how limits are written, in words for an author who has written one wrongly.
const Syntax = "COUNT/PERIOD such as 100/1m or 5/1s, with `burst N` behind it where fewer or more than COUNT may come at once, " +
	"such as 100/1m burst 20; or unlimited"

var syntax = regexp.MustCompile(`^([0-9]{1,9})/([0-9a-zµ.]{1,20})(?: +burst +([0-9]{1,9}))?$`)

// Parse reads a limit as [Syntax] says. Without a burst, as much as flows in over a period may come at once. The error is
// in words for the author, and does not repeat the text.
func Parse(text string) (Limit, error) {
	if text == "unlimited" {
		return Unlimited, nil
	}
	parts := syntax.FindStringSubmatch(text)
	if parts == nil {
		return Limit{}, errors.New("must be written " + Syntax + meant(text))
	}
	period, err := time.ParseDuration(parts[2])
	if err != nil {
		return Limit{}, errors.New("has a period that is no duration such as 1s, 1m or 24h" + meant(text))
	}
	limit := Limit{Period: period}
	limit.Count, _ = strconv.Atoi(parts[1]) // at most nine digits
	limit.Burst = limit.Count
	if parts[3] != "" {
		limit.Burst, _ = strconv.Atoi(parts[3])
	}
	return limit, limit.check()
}

// perUnit matches a rate as it is written where the period is one unit: 10/m, 10 per minute, 10r/s.
var perUnit = regexp.MustCompile(`(?i)^(\d{1,9})\s*(?:r|req|requests)?\s*(?:/|per)\s*(s|m|h)(?:ec|econd|in|inute|our|r)?s?$`)

// meant ends a sentence about a text that is no limit, where one can guess which it should be.
func meant(text string) string {
	parts := perUnit.FindStringSubmatch(strings.TrimSpace(text))
	if parts == nil {
		return ""
	}
	return "; did you mean " + parts[1] + "/1" + strings.ToLower(parts[2]) + "?"
}

func (l Limit) check() error {
	switch {
	case l.Count < 1 || l.Count > maxCount:
		return fmt.Errorf("has a count of %d: it must lie between 1 and %d", l.Count, maxCount)
	case l.Period < minPeriod || l.Period > maxPeriod || l.Period%time.Second != 0:
		return fmt.Errorf("has a period of %s: it must be whole seconds, from 1s to 24h", l.Period)
	case l.Burst < 1 || l.Burst > maxCount:
		return fmt.Errorf("has a burst of %d: it must lie between 1 and %d", l.Burst, maxCount)
	case time.Duration(l.Burst) > maxFill/l.interval():
		return fmt.Errorf("has a burst of %d, which takes longer than 31 days to come back: raise the count or lower the burst", l.Burst)
	}
	return nil
}

// Limits reports whether there is a limit at all.
func (l Limit) Limits() bool { return l.Count > 0 }

// String writes the limit as Parse reads it.
func (l Limit) String() string {
	switch {
	case !l.Limits():
		return "unlimited"
	case l.Burst == l.Count:
		return fmt.Sprintf("%d/%s", l.Count, written(l.Period))
	}
	return fmt.Sprintf("%d/%s burst %d", l.Count, written(l.Period), l.Burst)
}

// written is a period without the zeros that time.Duration puts at its end.
func written(period time.Duration) string {
	text := period.String()
	for _, zeros := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zeros) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// interval is the time in which one token flows in.
func (l Limit) interval() time.Duration { return l.Period / time.Duration(l.Count) }

// capacity is the time in which an empty bucket fills.
func (l Limit) capacity() time.Duration { return time.Duration(l.Burst) * l.interval() }
