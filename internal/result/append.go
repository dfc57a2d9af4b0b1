package result

import (
	"encoding/hex"
	"math"
	"strconv"
	"time"
)

// AppendJSON appends value as JSON, exactly as PostgreSQL's to_json writes it in a session whose time zone is UTC.
// NaN and the infinities are strings, since JSON has no such numbers; bytes are "\\x" and hexadecimal digits.
func AppendJSON(dst []byte, value Value) []byte {
	switch value.Kind {
	case Null:
		return append(dst, "null"...)
	case Bool:
		return strconv.AppendBool(dst, value.Int != 0)
	case Int:
		return strconv.AppendInt(dst, value.Int, 10)
	case Float32:
		return appendFloat(dst, value.Float, &single)
	case Float64:
		return appendFloat(dst, value.Float, &double)
	case Date:
		return append(appendDate(append(dst, '"'), value.Int), '"')
	case Time:
		return append(appendClock(append(dst, '"'), value.Int), '"')
	case Timestamp:
		return append(appendTimestamp(append(dst, '"'), value.Int, ""), '"')
	case TimestampTZ:
		return append(appendTimestamp(append(dst, '"'), value.Int, "+00:00"), '"')
	case UUID:
		return append(appendUUID(append(dst, '"'), value.Bytes), '"')
	default:
		opening, closing := quotes(value)
		dst = append(dst, opening...)
		dst = appendInner(dst, value.Kind, value.Bytes)
		return append(dst, closing...)
	}
}

// quotes returns what stands before and after a value that is made of its Bytes.
func quotes(value Value) (opening, closing string) {
	switch value.Kind {
	case JSON:
		return "", ""
	case Decimal:
		if last := len(value.Bytes) - 1; last >= 0 && value.Bytes[last] <= '9' {
			return "", ""
		}
		return `"`, `"` // NaN, Infinity, -Infinity
	case Binary:
		return `"\\x`, `"`
	default:
		return `"`, `"`
	}
}

// appendInner appends a part of such a value, without its quotes.
func appendInner(dst []byte, kind Kind, part []byte) []byte {
	switch kind {
	case JSON, Decimal:
		return append(dst, part...)
	case Binary:
		return hex.AppendEncode(dst, part)
	default:
		return appendEscaped(dst, part)
	}
}

// escapes holds, for each byte, what follows the backslash: 0 for a byte that stands as it is, 'u' for \u00XX.
// These are PostgreSQL's escapes. Neither < > & nor U+2028 is one of them, though encoding/json escapes those.
var escapes = func() (table [256]byte) {
	for c := range 0x20 {
		table[c] = 'u'
	}
	table['\b'], table['\f'], table['\n'], table['\r'], table['\t'] = 'b', 'f', 'n', 'r', 't'
	table['"'], table['\\'] = '"', '\\'
	return table
}()

const hexDigits = "0123456789abcdef"

func appendEscaped[T string | []byte](dst []byte, text T) []byte {
	start := 0
	for i := range len(text) {
		c := text[i]
		escape := escapes[c]
		if escape == 0 {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		dst = append(dst, '\\', escape)
		if escape == 'u' {
			dst = append(dst, '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
		}
	}
	return append(dst, text[start:]...)
}

func appendQuoted(dst []byte, text string) []byte {
	return append(appendEscaped(append(dst, '"'), text), '"')
}

const (
	secondsPerDay    = 24 * 60 * 60
	microsPerSecond  = 1_000_000
	beforeChrist     = " BC"
	infinity         = "infinity"
	negativeInfinity = "-infinity"
)

func appendDate(dst []byte, days int64) []byte {
	switch days {
	case math.MinInt64:
		return append(dst, negativeInfinity...)
	case math.MaxInt64:
		return append(dst, infinity...)
	}
	year, month, day := time.Unix(days*secondsPerDay, 0).UTC().Date()
	dst = appendYearMonthDay(dst, year, month, day)
	if year <= 0 {
		dst = append(dst, beforeChrist...)
	}
	return dst
}

func appendTimestamp(dst []byte, micros int64, zone string) []byte {
	switch micros {
	case math.MinInt64:
		return append(dst, negativeInfinity...)
	case math.MaxInt64:
		return append(dst, infinity...)
	}
	seconds, fraction := micros/microsPerSecond, micros%microsPerSecond
	if fraction < 0 {
		seconds, fraction = seconds-1, fraction+microsPerSecond
	}
	return AppendTimestamp(dst, seconds, int(fraction), zone)
}

// AppendTimestamp appends the moment that lies seconds and micros (0 to 999,999) after 1970-01-01T00:00:00, without
// quotes, followed by zone. It is for moments beyond what a [Timestamp] holds.
func AppendTimestamp(dst []byte, seconds int64, micros int, zone string) []byte {
	moment := time.Unix(seconds, 0).UTC()
	year, month, day := moment.Date()
	hour, minute, second := moment.Clock()
	dst = appendYearMonthDay(dst, year, month, day)
	dst = append(dst, 'T')
	dst = appendHourMinuteSecond(dst, hour, minute, second, micros)
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
		dst = append(dst, byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10))
	} else {
		dst = strconv.AppendInt(dst, int64(year), 10)
	}
	return appendTwo(append(appendTwo(append(dst, '-'), int(month)), '-'), day)
}

func appendClock(dst []byte, micros int64) []byte {
	seconds, fraction := int(micros/microsPerSecond), int(micros%microsPerSecond)
	return appendHourMinuteSecond(dst, seconds/3600, seconds/60%60, seconds%60, fraction)
}

func appendHourMinuteSecond(dst []byte, hour, minute, second, micros int) []byte {
	dst = append(appendTwo(dst, hour), ':')
	dst = append(appendTwo(dst, minute), ':')
	dst = appendTwo(dst, second)
	if micros == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := microsPerSecond / 10; micros > 0; unit /= 10 { // trailing zeros are not written
		dst = append(dst, byte('0'+micros/unit))
		micros %= unit
	}
	return dst
}

func appendTwo(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

func appendUUID(dst, id []byte) []byte {
	if len(id) != 16 {
		return appendEscaped(dst, id)
	}
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[c>>4], hexDigits[c&0xF])
	}
	return dst
}
