package result

import (
	"math"
	"math/bits"
	"strconv"
)

// floatFormat is what differs between real and double precision.
type floatFormat struct {
	bits         int
	mantissaBits int     // with the implicit one
	smallest     float64 // that is written without an exponent
	limit        float64 // from which on an exponent is written
}

var (
	single = floatFormat{bits: 32, mantissaBits: 24, smallest: float64(float32(1e-4)), limit: 1e6}
	double = floatFormat{bits: 64, mantissaBits: 53, smallest: 1e-4, limit: 1e15}
)

// appendFloat appends a float as PostgreSQL's float4out and float8out do: the fewest digits that read back as the same
// number, with an exponent for very small and large ones.
func appendFloat(dst []byte, f float64, format *floatFormat) []byte {
	switch magnitude := math.Abs(f); {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	case magnitude != 0 && (magnitude < format.smallest || magnitude >= format.limit):
		return appendExponential(dst, f, format)
	case format == &double:
		return AppendPlainFloat(dst, f)
	default:
		return strconv.AppendFloat(dst, f, 'f', -1, format.bits)
	}
}

// AppendPlainFloat appends a finite number without an exponent, with the fewest digits that identify it, as strconv does.
//
// Most numbers that people store have few digits after the point, and need no search for the fewest: when f is the float
// nearest to some whole number of ten-thousandths that has at most 15 digits, then those digits without their trailing
// zeros are the fewest, because no two numbers of at most 15 digits share a float.
func AppendPlainFloat(dst []byte, f float64) []byte {
	const (
		unit  = 10_000
		limit = 1e15
	)
	scaled := math.RoundToEven(f * unit)
	if math.Abs(scaled) >= limit || scaled/unit != f || f == 0 { // which may be negative
		return strconv.AppendFloat(dst, f, 'f', -1, double.bits)
	}
	units := int64(scaled)
	if units < 0 {
		dst = append(dst, '-')
		units = -units
	}
	dst = strconv.AppendInt(dst, units/unit, 10)
	fraction := uint32(units % unit)
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	dst = appendTwo(dst, fraction/100)
	if fraction%100 != 0 {
		dst = appendTwo(dst, fraction%100)
	}
	if last := len(dst) - 1; dst[last] == '0' {
		dst = dst[:last]
	}
	return dst
}

// appendExponential differs from strconv in one case. Digits that lie exactly halfway between two floats read back as
// the one with the even mantissa, so strconv takes them when they are the shortest: 1e+23. PostgreSQL does not trust
// every reader to round to even, and takes the fewest digits that lie strictly nearer: 9.999999999999999e+22.
func appendExponential(dst []byte, f float64, format *floatFormat) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, format.bits)
	for {
		digits, count, exponent := parseExponential(dst[start:])
		if !halfway(digits, exponent, f, format) {
			return dst
		}
		dst = strconv.AppendFloat(dst[:start], f, 'e', count, format.bits) // count digits after the first
	}
}

// parseExponential reads strconv's format 'e' as digits * 10^exponent. Count is the number of digits.
func parseExponential(text []byte) (digits uint64, count, exponent int) {
	i := 0
	for ; text[i] != 'e'; i++ {
		if text[i] >= '0' && text[i] <= '9' {
			digits = digits*10 + uint64(text[i]-'0')
			count++
		}
	}
	fraction := count - 1
	for _, c := range text[i+2:] {
		exponent = exponent*10 + int(c-'0')
	}
	if text[i+1] == '-' {
		exponent = -exponent
	}
	return digits, count, exponent - fraction
}

// powersOf5 are those that can divide a number of 55 bits.
var powersOf5 = func() (powers [24]uint64) {
	powers[0] = 1
	for i := 1; i < len(powers); i++ {
		powers[i] = 5 * powers[i-1]
	}
	return powers
}()

// halfway reports whether digits * 10^exponent lies exactly between f and one of its neighbours.
//
// With f = mantissa * 2^e, the points between are odd * 2^(e-1), where odd = 2*mantissa±1. For such a point to have at
// most 17 digits, 5^exponent must divide odd and e-1 must be at least exponent, so that the question is whether
// digits * 5^exponent = odd * 2^(e-1-exponent), in 128 bits. Numbers with e < 1 are written with the digits of the
// number itself or have points between that need more than 17 digits.
func halfway(digits uint64, exponent int, f float64, format *floatFormat) bool {
	fraction, e := math.Frexp(math.Abs(f))
	mantissa := uint64(math.Ldexp(fraction, format.mantissaBits))
	e -= format.mantissaBits
	if e < 1 || exponent < 0 || exponent >= len(powersOf5) {
		return false
	}
	high, low := bits.Mul64(digits, powersOf5[exponent])
	between := func(odd uint64, shift int) bool {
		if shift < 0 || shift > 127-bits.Len64(odd) {
			return false
		}
		var oddHigh, oddLow uint64
		if shift >= 64 {
			oddHigh, oddLow = odd<<(shift-64), 0
		} else {
			oddHigh, oddLow = odd>>(64-shift), odd<<shift
		}
		return high == oddHigh && low == oddLow
	}
	if between(2*mantissa+1, e-1-exponent) {
		return true
	}
	if mantissa == 1<<(format.mantissaBits-1) { // the neighbour below is half as far away
		return between(4*mantissa-1, e-2-exponent)
	}
	return between(2*mantissa-1, e-1-exponent)
}
