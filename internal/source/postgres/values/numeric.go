package values

import (
	"encoding/binary"
	"strconv"

	"github.com/solucao42/caddy-data-api/source"
)

// The sign field of a numeric on the wire.
const (
	numericNegative         = 0x4000
	numericNaN              = 0xC000
	numericInfinity         = 0xD000
	numericNegativeInfinity = 0xF000
)

// decodeNumeric spells out a numeric. On the wire it is four 16-bit fields (the count of digits, the weight of the
// first, the sign, the digits to show after the point) and then the digits, base 10,000.
func decodeNumeric(src []byte, scratch *[]byte, value *source.Value) error {
	if len(src) < 8 {
		return errWire
	}
	count := int(binary.BigEndian.Uint16(src))
	weight := int(int16(binary.BigEndian.Uint16(src[2:])))
	sign := binary.BigEndian.Uint16(src[4:])
	scale := int(binary.BigEndian.Uint16(src[6:]))
	digits := src[8:]
	if len(digits) != 2*count {
		return errWire
	}
	dst := (*scratch)[:0]
	switch sign {
	case numericNaN:
		dst = append(dst, "NaN"...)
	case numericInfinity:
		dst = append(dst, "Infinity"...)
	case numericNegativeInfinity:
		dst = append(dst, "-Infinity"...)
	case 0, numericNegative:
		if sign == numericNegative {
			dst = append(dst, '-')
		}
		dst = appendDigits(dst, digits, weight, scale)
	default:
		return errWire
	}
	*scratch = dst
	value.Kind, value.Bytes = source.KindDecimal, dst
	return nil
}

func appendDigits(dst, digits []byte, weight, scale int) []byte {
	group := func(i int) int { // of 10^(4*(weight-i))
		if i < 0 || 2*i >= len(digits) {
			return 0
		}
		return int(binary.BigEndian.Uint16(digits[2*i:]))
	}
	if weight < 0 {
		dst = append(dst, '0')
	} else {
		dst = strconv.AppendInt(dst, int64(group(0)), 10)
		for i := 1; i <= weight; i++ {
			dst = appendFour(dst, group(i))
		}
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	end := len(dst) + scale
	for i := weight + 1; len(dst) < end; i++ {
		dst = appendFour(dst, group(i))
	}
	return dst[:end]
}

func appendFour(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/1000%10), byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10))
}
