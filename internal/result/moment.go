package result

import (
	"math"
	"strconv"
	"time"
)

const (
	secondsPerDay    = 24 * 60 * 60
	microsPerSecond  = 1_000_000
	microsPerDay     = secondsPerDay * microsPerSecond
	beforeChrist     = " BC"
	utcOffset        = "+00:00"
	infinity         = "infinity"
	negativeInfinity = "-infinity"
)

// The days of the years 1 to 9999, which are written with four digits and nothing else.
const (
	firstDay = -719_162  // 0001-01-01
	lastDay  = 2_932_896 // 9999-12-31
)

func appendDate(dst []byte, days int64) []byte {
	switch {
	case days >= firstDay && days <= lastDay:
		return appendDay(dst, uint32(days-firstDay))
	case days == math.MinInt64:
		return append(dst, negativeInfinity...)
	case days == math.MaxInt64:
		return append(dst, infinity...)
	}
	year, month, day := time.Unix(days*secondsPerDay, 0).UTC().Date()
	dst = appendYearMonthDay(dst, year, month, day)
	if year <= 0 {
		dst = append(dst, beforeChrist...)
	}
	return dst
}

// appendDay writes the day that lies this many days after 0001-01-01, up to the year 9999. Package time could do it, at nine
// times the cost: it has to care for more years than four digits hold.
//
// The year is taken to begin in March, so that the leap day is its last. The divisions by the length of a year and of a month
// are multiplications whose high and low halves are quotient and remainder: C. Neri and L. Schneider, Euclidean affine
// functions and their application to calendar algorithms, Software: Practice and Experience 53 (2023), 937-970.
func appendDay(dst []byte, sinceFirst uint32) []byte {
	const (
		march       = 365 - (31 + 28)       // from 0000-03-01 to 0001-01-01
		quarters    = 4*365*100 + 4*24 + 1  // of a day in a century, on average: 4 * 36,524.25
		ofYear      = (1<<32)/(4*365+1) + 1 // 2^32 by the quarters of a day in a year, rounded up
		toMonth     = 2141                  // 2^16 by the days of a month, 30.61 on average
		toMonthFrom = 3<<16 + 1305          // March is the third month
	)
	since := 4*(sinceFirst+march) + 3
	century, day := since/quarters, since%quarters/4
	product := uint64(ofYear) * uint64(4*day+3)
	year := 100*century + uint32(product>>32)
	day = uint32(product) / ofYear / 4
	split := toMonth*day + toMonthFrom
	month, day := split>>16, split&0xFFFF/toMonth
	if month > 12 {
		month -= 12
		year++
	}
	dst = extend(dst, len("YYYY-MM-DD"))
	text := (*[len("YYYY-MM-DD")]byte)(dst[len(dst)-len("YYYY-MM-DD"):])
	putTwo(text[0:2], year/100)
	putTwo(text[2:4], year%100)
	text[4] = '-'
	putTwo(text[5:7], month)
	text[7] = '-'
	putTwo(text[8:10], day+1)
	return dst
}

func appendTimestamp(dst []byte, micros int64, zone string) []byte {
	switch micros {
	case math.MinInt64:
		return append(dst, negativeInfinity...)
	case math.MaxInt64:
		return append(dst, infinity...)
	}
	days, rest := micros/microsPerDay, micros%microsPerDay
	if rest < 0 {
		days, rest = days-1, rest+microsPerDay
	}
	if days >= firstDay && days <= lastDay {
		dst = append(appendDay(dst, uint32(days-firstDay)), 'T')
		return append(appendClock(dst, rest), zone...)
	}
	return AppendTimestamp(dst, days*secondsPerDay+rest/microsPerSecond, int(rest%microsPerSecond), zone)
}

// AppendTimestamp appends the moment that lies seconds and micros (0 to 999,999) after 1970-01-01T00:00:00, without
// quotes, followed by zone. It is for moments beyond what a [Timestamp] holds.
func AppendTimestamp(dst []byte, seconds int64, micros int, zone string) []byte {
	moment := time.Unix(seconds, 0).UTC()
	year, month, day := moment.Date()
	hour, minute, second := moment.Clock()
	dst = appendYearMonthDay(dst, year, month, day)
	dst = append(dst, 'T')
	dst = appendHourMinuteSecond(dst, uint32(hour), uint32(minute), uint32(second), uint32(micros))
	dst = append(dst, zone...)
	if year <= 0 {
		dst = append(dst, beforeChrist...)
	}
	return dst
}

func appendYearMonthDay(dst []byte, year int, month time.Month, day int) []byte {
	if year <= 0 {
		year = 1 - year // the year before 1 AD is 1 BC
	}
	if year < 10000 {
		dst = appendTwo(appendTwo(dst, uint32(year/100)), uint32(year%100))
	} else {
		dst = strconv.AppendInt(dst, int64(year), 10)
	}
	return appendTwo(append(appendTwo(append(dst, '-'), uint32(month)), '-'), uint32(day))
}

func appendClock(dst []byte, micros int64) []byte {
	seconds, fraction := uint32(micros/microsPerSecond), uint32(micros%microsPerSecond)
	return appendHourMinuteSecond(dst, seconds/3600, seconds/60%60, seconds%60, fraction)
}

func appendHourMinuteSecond(dst []byte, hour, minute, second, micros uint32) []byte {
	dst = extend(dst, len("HH:MM:SS.UUUUUU"))
	text := (*[len("HH:MM:SS.UUUUUU")]byte)(dst[len(dst)-len("HH:MM:SS.UUUUUU"):])
	putTwo(text[0:2], hour)
	text[2] = ':'
	putTwo(text[3:5], minute)
	text[5] = ':'
	putTwo(text[6:8], second)
	if micros == 0 {
		return dst[:len(dst)-len(".UUUUUU")]
	}
	text[8] = '.'
	putTwo(text[9:11], micros/10_000)
	putTwo(text[11:13], micros/100%100)
	putTwo(text[13:15], micros%100)
	for dst[len(dst)-1] == '0' { // trailing zeros are not written
		dst = dst[:len(dst)-1]
	}
	return dst
}

func appendTwo(dst []byte, n uint32) []byte {
	dst = extend(dst, 2)
	putTwo(dst[len(dst)-2:], n)
	return dst
}
