package columnar

import (
	"bytes"
	"math/big"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/decimal256"
)

// unscaled reads a decimal number without its point, as a whole number of units of its scale's last digit. It is not ok
// when the number has more digits than the type, other than zeros. Dst is memory that may be used again.
func unscaled(dst, text []byte, precision, scale int) (digits []byte, ok bool) {
	dst = dst[:0]
	number := text
	if len(number) > 0 && number[0] == '-' {
		dst = append(dst, '-')
		number = number[1:]
	}
	signed := len(dst)
	whole, fraction, _ := bytes.Cut(number, []byte{'.'})
	dst = append(dst, bytes.TrimLeft(whole, "0")...)
	if len(fraction) > scale {
		if len(bytes.Trim(fraction[scale:], "0")) > 0 {
			return dst, false
		}
		fraction = fraction[:scale]
	}
	dst = append(dst, fraction...)
	for range scale - len(fraction) {
		dst = append(dst, '0')
	}
	significant := bytes.TrimLeft(dst[signed:], "0")
	for _, c := range significant { // which also tells a number from NaN and the infinities
		if c < '0' || c > '9' {
			return dst, false
		}
	}
	if len(significant) == 0 {
		return append(dst[:0], '0'), len(whole)+len(fraction) > 0
	}
	return dst, len(significant) <= precision
}

// fastDigits is how many characters surely fit into 64 bits, the sign included.
const fastDigits = 18

func appendDecimal128(b *array.Decimal128Builder, digits []byte) bool {
	if len(digits) <= fastDigits {
		n, err := strconv.ParseInt(string(digits), 10, 64)
		b.Append(decimal128.FromI64(n))
		return err == nil
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if ok {
		b.Append(decimal128.FromBigInt(n))
	}
	return ok
}

func appendDecimal256(b *array.Decimal256Builder, digits []byte) bool {
	if len(digits) <= fastDigits {
		n, err := strconv.ParseInt(string(digits), 10, 64)
		b.Append(decimal256.FromI64(n))
		return err == nil
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if ok {
		b.Append(decimal256.FromBigInt(n))
	}
	return ok
}
