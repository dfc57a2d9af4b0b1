package sheet

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// exactDigits is how many significant digits of a number a spreadsheet keeps.
const exactDigits = 15

// maxNumber is how long the text of a number may be that a spreadsheet holds, whatever its zeros.
const maxNumber = 300

// appendCell appends a cell. Numbers that a spreadsheet would round are text, and so are moments that it cannot hold: those before
// March 1900, where its calendar is wrong, and those with a part of a second.
func appendCell(dst []byte, at place, value *source.Value) ([]byte, error) {
	switch value.Kind {
	case source.KindNull:
		return dst, nil
	case source.KindBool:
		return append(append(append(at.begin(dst), ` t="b"><v>`...), byte('0'+value.Int)), "</v></c>"...), nil
	case source.KindInt, source.KindDecimal:
		if text := result.AppendText(nil, *value); exact(text) {
			return appendNumber(dst, at, text, plainStyle), nil
		}
	case source.KindFloat64, source.KindFloat32: // which a spreadsheet, that calculates with the former, holds as they are
		if !math.IsNaN(value.Float) && !math.IsInf(value.Float, 0) {
			return appendNumber(dst, at, result.AppendText(nil, *value), plainStyle), nil
		}
	case source.KindDate:
		if day := value.Int + epochDay; day >= firstDay && day <= lastDay {
			return appendNumber(dst, at, strconv.AppendInt(nil, day, 10), dateStyle), nil
		}
	case source.KindTimestamp, source.KindTimestampTZ: // the latter in UTC, as in every other format
		if seconds := value.Int / microseconds; value.Int%microseconds == 0 {
			if days := float64(seconds)/secondsOfDay + epochDay; days >= firstDay && days < lastDay+1 {
				return appendNumber(dst, at, strconv.AppendFloat(nil, days, 'f', -1, 64), momentStyle), nil
			}
		}
	}
	return appendString(dst, at, result.AppendText(nil, *value), plainStyle)
}

// A spreadsheet counts days from the end of 1899, and takes 1900 for a leap year.
const (
	epochDay = 25_569    // 1970-01-01
	firstDay = 61        // 1900-03-01
	lastDay  = 2_958_465 // 9999-12-31

	microseconds = 1_000_000
	secondsOfDay = 86_400
)

// exact reports whether a text is a number that a spreadsheet keeps digit for digit.
func exact(number []byte) bool {
	if len(number) > maxNumber {
		return false // the least number that a spreadsheet holds is 2.2e-308, and what is less becomes 0
	}
	digits, leading := 0, true
	for _, c := range number {
		switch {
		case c == '0' && leading, c == '-', c == '.':
		case c >= '0' && c <= '9':
			digits, leading = digits+1, false
		default:
			return false // NaN, an infinity, or an exponent
		}
	}
	return digits <= exactDigits
}

// place is where a cell is.
type place struct {
	column string // its letters
	row    int
}

func (p place) begin(dst []byte) []byte {
	dst = append(append(dst, `<c r="`...), p.column...)
	return append(strconv.AppendInt(dst, int64(p.row), 10), '"')
}

// letters names a column, counted from 0: A to Z, AA, and so on.
func letters(column int) string {
	name := ""
	for column++; column > 0; column = (column - 1) / 26 {
		name = string(rune('A'+(column-1)%26)) + name
	}
	return name
}

func appendNumber(dst []byte, at place, number []byte, style int) []byte {
	dst = at.begin(dst)
	if style != plainStyle {
		dst = append(strconv.AppendInt(append(dst, ` s="`...), int64(style), 10), '"')
	}
	return append(append(append(dst, "><v>"...), number...), "</v></c>"...)
}

// appendString appends a cell with a text, which is no formula, whatever it begins with.
func appendString(dst []byte, at place, text []byte, style int) ([]byte, error) {
	if len(text) > maxText && units(text) > maxText {
		return dst, dataapi.Errorf(dataapi.CodeNotAcceptable,
			"a cell of a spreadsheet has %d characters at most, and this text has more. Take another format.", maxText)
	}
	dst = append(at.begin(dst), ` t="inlineStr"`...)
	if style != plainStyle {
		dst = append(strconv.AppendInt(append(dst, ` s="`...), int64(style), 10), '"')
	}
	dst = append(dst, `><is><t xml:space="preserve">`...)
	if bytes.Contains(text, []byte("_x")) {
		text = looksEscaped.ReplaceAll(text, []byte("_x005F$0"))
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF: // which XML cannot hold, or would change
			dst = append(dst, "_x"...)
			dst = append(dst, hex4(r)...)
			dst = append(dst, '_')
		default:
			dst = append(dst, text[:size]...)
		}
		text = text[size:]
	}
	return append(dst, "</t></is></c>"...), nil
}

// looksEscaped finds what a spreadsheet would take for an escaped character (ECMA-376, part 1, 22.9.2.19).
var looksEscaped = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

func hex4(r rune) string {
	text := strconv.FormatInt(int64(r), 16)
	return "0000"[len(text):] + text
}

// units counts UTF-16 units.
func units(text []byte) (count int) {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		count++
		if r > math.MaxUint16 {
			count++
		}
		text = text[size:]
	}
	return count
}
