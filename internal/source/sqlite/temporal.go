package sqlite

import (
	"time"
)

const microsecondsPerDay = 24 * 60 * 60 * 1_000_000

// readDate reads YYYY-MM-DD at the start of b and returns days since 1970-01-01 and what follows.
func readDate(b []byte) (days int64, rest []byte, ok bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return 0, nil, false
	}
	year, ok1 := digits(b[0:4])
	month, ok2 := digits(b[5:7])
	day, ok3 := digits(b[8:10])
	date := time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC)
	if !ok1 || !ok2 || !ok3 || date.Day() != int(day) || date.Month() != time.Month(month) {
		return 0, nil, false // time.Date carries 30 February over into March
	}
	return date.Unix() / 86400, b[10:], true // midnight: divides without a remainder, before 1970 too
}

// readTime reads HH:MM, HH:MM:SS or HH:MM:SS.SSS at the start of b and returns microseconds since midnight and what
// follows. Digits beyond the sixth are cut off.
func readTime(b []byte) (microseconds int64, rest []byte, ok bool) {
	minutes, rest, ok := readMinutes(b)
	if !ok {
		return 0, nil, false
	}
	microseconds = minutes * 60_000_000
	if len(rest) == 0 || rest[0] != ':' {
		return microseconds, rest, true
	}
	if len(rest) < 3 {
		return 0, nil, false
	}
	seconds, ok := digits(rest[1:3])
	if !ok || seconds > 59 {
		return 0, nil, false
	}
	microseconds += seconds * 1_000_000
	rest = rest[3:]
	if len(rest) == 0 || rest[0] != '.' {
		return microseconds, rest, true
	}
	end := 1
	for unit := int64(100_000); end < len(rest) && isDigit(rest[end]); end++ {
		microseconds += int64(rest[end]-'0') * unit
		unit /= 10
	}
	return microseconds, rest[end:], end > 1
}

// readMinutes reads HH:MM, of a time of day or of an offset.
func readMinutes(b []byte) (minutes int64, rest []byte, ok bool) {
	if len(b) < 5 || b[2] != ':' {
		return 0, nil, false
	}
	hour, ok1 := digits(b[0:2])
	minute, ok2 := digits(b[3:5])
	return hour*60 + minute, b[5:], ok1 && ok2 && hour <= 23 && minute <= 59
}

// readTimestamp reads a date, or a date and a time, with or without a zone. It returns microseconds since
// 1970-01-01T00:00:00, in UTC when there is a zone.
func readTimestamp(b []byte) (microseconds int64, zoned, ok bool) {
	days, rest, ok := readDate(b)
	if !ok {
		return 0, false, false
	}
	microseconds = days * microsecondsPerDay
	if len(rest) == 0 {
		return microseconds, false, true
	}
	if rest[0] != ' ' && rest[0] != 'T' {
		return 0, false, false
	}
	time, rest, ok := readTime(rest[1:])
	if !ok {
		return 0, false, false
	}
	microseconds += time
	if len(rest) > 1 && rest[0] == ' ' {
		rest = rest[1:] // SQLite allows a space before the zone
	}
	switch {
	case len(rest) == 0:
		return microseconds, false, true
	case len(rest) == 1 && (rest[0] == 'Z' || rest[0] == 'z'):
		return microseconds, true, true
	case rest[0] != '+' && rest[0] != '-':
		return 0, false, false
	}
	offset, end, ok := readMinutes(rest[1:])
	if !ok || len(end) != 0 {
		return 0, false, false
	}
	if rest[0] == '-' {
		offset = -offset
	}
	return microseconds - offset*60_000_000, true, true
}

// digits reads a number that is nothing but digits.
func digits(b []byte) (number int64, ok bool) {
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		number = number*10 + int64(c-'0')
	}
	return number, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
