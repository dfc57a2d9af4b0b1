package result

import (
	"encoding/hex"
	"math/bits"
	"strconv"

	"github.com/solucao42/caddy-data-api/source"
)

// AppendJSON appends value as JSON, exactly as PostgreSQL's to_json writes it in a session whose time zone is UTC.
// NaN and the infinities are strings, since JSON has no such numbers; bytes are "\\x" and hexadecimal digits.
func AppendJSON(dst []byte, value source.Value) []byte { return appendJSON(dst, &value) }

// appendJSON is AppendJSON for the loop over cells, where copying each value would cost as much as writing it.
func appendJSON(dst []byte, value *source.Value) []byte {
	switch value.Kind {
	case source.KindNull:
		return append(dst, "null"...)
	case source.KindBool:
		if value.Int != 0 {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case source.KindInt:
		return strconv.AppendInt(dst, value.Int, 10)
	case source.KindFloat32:
		return appendFloat(dst, value.Float, &single)
	case source.KindFloat64:
		return appendFloat(dst, value.Float, &double)
	case source.KindText:
		return append(appendEscaped(append(dst, '"'), value.Bytes), '"')
	case source.KindDate:
		return append(appendDate(append(dst, '"'), value.Int), '"')
	case source.KindTime:
		return append(appendClock(append(dst, '"'), value.Int), '"')
	case source.KindTimestamp:
		return append(appendTimestamp(append(dst, '"'), value.Int, ""), '"')
	case source.KindTimestampTZ:
		return append(appendTimestamp(append(dst, '"'), value.Int, utcOffset), '"')
	case source.KindUUID:
		return append(appendUUID(append(dst, '"'), value.Bytes), '"')
	default:
		opening, closing := quotes(value)
		dst = append(dst, opening...)
		dst = appendInner(dst, value.Kind, value.Bytes)
		return append(dst, closing...)
	}
}

// quotes returns what comes before and after a value that is made of its Bytes.
func quotes(value *source.Value) (opening, closing string) {
	switch value.Kind {
	case source.KindJSON:
		return "", ""
	case source.KindDecimal:
		if last := len(value.Bytes) - 1; last >= 0 && value.Bytes[last] <= '9' {
			return "", ""
		}
		return `"`, `"` // NaN, Infinity, -Infinity
	case source.KindBinary:
		return `"\\x`, `"`
	default:
		return `"`, `"`
	}
}

// appendInner appends a part of such a value, without its quotes.
func appendInner(dst []byte, kind source.Kind, part []byte) []byte {
	switch kind {
	case source.KindJSON, source.KindDecimal:
		return append(dst, part...)
	case source.KindBinary:
		return hex.AppendEncode(dst, part)
	default:
		return appendEscaped(dst, part)
	}
}

// escapes holds, for each byte, what follows the backslash: 0 for a byte that stays as it is, 'u' for \u00XX.
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
	start := plain(text)
	for i := start; i < len(text); i++ {
		c := text[i]
		escape := escapes[c]
		if escape == 0 {
			continue
		}
		dst = append(dst, text[:i]...)
		dst = append(dst, '\\', escape)
		if escape == 'u' {
			dst = append(dst, '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
		}
		text = text[i+1:]
		i = plain(text) - 1
	}
	return append(dst, text...)
}

// plain returns how many bytes at the beginning of text stay as they are, in whole words: fewer than 8 may be missing.
// It looks at 8 bytes at once. In the lowest byte that has its high bit set in found, the subtraction borrowed because
// the byte was too small: below 0x20, or one of the two escaped characters, which the exclusive or has turned into 0.
func plain[T string | []byte](text T) int {
	const (
		each      = 0x0101010101010101 // a byte in every byte
		high      = each << 7
		control   = each * 0x20
		quote     = each * '"'
		backslash = each * '\\'
	)
	rest := text
	for ; len(rest) >= 8; rest = rest[8:] {
		word := uint64(rest[0]) | uint64(rest[1])<<8 | uint64(rest[2])<<16 | uint64(rest[3])<<24 |
			uint64(rest[4])<<32 | uint64(rest[5])<<40 | uint64(rest[6])<<48 | uint64(rest[7])<<56
		quotes, backslashes := word^quote, word^backslash
		found := ((word-control)&^word | (quotes-each)&^quotes | (backslashes-each)&^backslashes) & high
		if found != 0 {
			return len(text) - len(rest) + bits.TrailingZeros64(found)/8
		}
	}
	return len(text) - len(rest)
}

func appendQuoted(dst []byte, text string) []byte {
	return append(appendEscaped(append(dst, '"'), text), '"')
}

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
