package params

import (
	"math/big"
	"strconv"
	"strings"
)

// maxDigits is the most digits that a decimal may have when it is written out without an exponent. It is far above
// what databases' decimals hold in practice, covers every double, and keeps 1e999999999 from becoming a gigabyte.
const maxDigits = 400

const tooManyDigits = "must have at most 400 digits when written out without an exponent"

// plainDecimal rewrites a number of JSON's grammar in plain notation: without exponent, with every digit and the scale
// kept, and zero without a sign. The second result says what is wrong with a number that is too long.
func plainDecimal(number string) (string, string) {
	if len(number) > 2*maxDigits {
		return "", tooManyDigits
	}
	unsigned, negative := strings.CutPrefix(number, "-")
	mantissa, exponent, scientific := strings.Cut(unsigned, "e")
	if !scientific {
		mantissa, exponent, scientific = strings.Cut(unsigned, "E")
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	zero := strings.Trim(mantissa, "0.") == ""

	plain := mantissa
	if scientific {
		shift, err := strconv.Atoi(exponent)
		if err != nil || shift > maxDigits || shift < -maxDigits {
			return "", tooManyDigits
		}
		plain = shiftPoint(whole, fraction, shift)
	}
	if len(plain)-strings.Count(plain, ".") > maxDigits {
		return "", tooManyDigits
	}
	if negative && !zero {
		if !scientific {
			return number, ""
		}
		plain = "-" + plain
	}
	return plain, ""
}

// shiftPoint writes whole.fraction times ten to the power shift.
func shiftPoint(whole, fraction string, shift int) string {
	digits := whole + fraction
	point := len(whole) + shift
	if point <= 0 {
		digits = strings.Repeat("0", 1-point) + digits
		point = 1
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	integer := strings.TrimLeft(digits[:point], "0")
	if integer == "" {
		integer = "0"
	}
	if point == len(digits) {
		return integer
	}
	return integer + "." + digits[point:]
}

// decimalKey is one text for all spellings of the same number: 1.50 and 1.5 have one key. It takes plain notation.
func decimalKey(plain string) string {
	if !strings.Contains(plain, ".") {
		return plain
	}
	return strings.TrimSuffix(strings.TrimRight(plain, "0"), ".")
}

// compareDecimals orders two numbers in plain notation; their length is bounded by maxDigits.
func compareDecimals(a, b string) int {
	left, _ := new(big.Rat).SetString(a)
	right, _ := new(big.Rat).SetString(b)
	return left.Cmp(right)
}
