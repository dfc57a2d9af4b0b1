package result

import (
	"math"
	"strconv"
	"time"
)

// ParseDate reads a date as [AppendText] writes it: the days since 1970-01-01, with the least and the greatest int64 for
// -infinity and infinity.
func ParseDate(text []byte) (days int64, ok bool) {
	if days, ok := parseInfinity(text); ok {
		return days, true
	}
	text, era := cutEra(text)
	seconds, rest, ok := parseYearMonthDay(text, era)
	return seconds / secondsPerDay, ok && len(rest) == 0
}

// ParseTime reads a time of day as [AppendText] writes it: microseconds since midnight.
func ParseTime(text []byte) (micros int64, ok bool) {
	micros, rest, ok := parseClock(text)
	return micros, ok && len(rest) == 0
}

// ParseTimestamp reads a moment as [AppendText] writes it, without a zone or, when zoned, with the offset +00:00, or with Z, as it is in the
// arrays that a source hands on as they are, those of parameters among them:
// microseconds since 1970-01-01T00:00:00, with the least and the greatest int64 for -infinity and infinity. A moment
// beyond what fits is not ok.
func ParseTimestamp(text []byte, zoned bool) (micros int64, ok bool) {
	if micros, ok := parseInfinity(text); ok {
		return micros, true
	}
	text, era := cutEra(text)
	seconds, rest, ok := parseYearMonthDay(text, era)
	if !ok || len(rest) == 0 || rest[0] != 'T' {
		return 0, false
	}
	clock, rest, ok := parseClock(rest[1:])
	if zoned && string(rest) == "Z" {
		rest = []byte(utcOffset)
	}
	zone := ""
	if zoned {
		zone = utcOffset
	}
	if !ok || string(rest) != zone || seconds > math.MaxInt64/microsPerSecond-secondsPerDay ||
		seconds < math.MinInt64/microsPerSecond+secondsPerDay {
		return 0, false
	}
	return seconds*microsPerSecond + clock, true
}

func parseInfinity(text []byte) (int64, bool) {
	switch string(text) {
	case infinity:
		return math.MaxInt64, true
	case negativeInfinity:
		return math.MinInt64, true
	}
	return 0, false
}

// cutEra takes " BC" from the end; era is then true.
func cutEra(text []byte) (rest []byte, era bool) {
	if n := len(text) - len(beforeChrist); n >= 0 && string(text[n:]) == beforeChrist {
		return text[:n], true
	}
	return text, false
}

// parseYearMonthDay reads YYYY-MM-DD, whose year may have more digits, as seconds since 1970.
func parseYearMonthDay(text []byte, era bool) (seconds int64, rest []byte, ok bool) {
	digits := 0
	for digits < len(text) && isDigit(text[digits]) {
		digits++
	}
	if digits < 4 || digits > 7 || len(text) < digits+6 || text[digits] != '-' || text[digits+3] != '-' {
		return 0, nil, false
	}
	year, _ := strconv.Atoi(string(text[:digits]))
	month, okMonth := parseTwo(text[digits+1:])
	day, okDay := parseTwo(text[digits+4:])
	if era {
		year = 1 - year
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return date.Unix(), text[digits+6:], okMonth && okDay && date.Day() == day && int(date.Month()) == month
}

// parseClock reads HH:MM:SS with up to six digits after a point.
func parseClock(text []byte) (micros int64, rest []byte, ok bool) {
	if len(text) < 8 || text[2] != ':' || text[5] != ':' {
		return 0, nil, false
	}
	hour, okHour := parseTwo(text)
	minute, okMinute := parseTwo(text[3:])
	second, okSecond := parseTwo(text[6:])
	micros = int64((hour*60+minute)*60+second) * microsPerSecond
	rest = text[8:]
	if len(rest) > 0 && rest[0] == '.' {
		rest = rest[1:]
		for unit := int64(microsPerSecond / 10); unit > 0 && len(rest) > 0 && isDigit(rest[0]); unit /= 10 {
			micros += int64(rest[0]-'0') * unit
			rest = rest[1:]
		}
	}
	return micros, rest, okHour && okMinute && okSecond && minute < 60 && second < 60 && micros <= secondsPerDay*microsPerSecond
}

func parseTwo(text []byte) (n int, ok bool) {
	if len(text) < 2 || !isDigit(text[0]) || !isDigit(text[1]) {
		return 0, false
	}
	return int(text[0]-'0')*10 + int(text[1]-'0'), true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
