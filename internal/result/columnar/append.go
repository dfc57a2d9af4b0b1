package columnar

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// appender puts a value, which is not NULL, behind those that its builder holds. It reports false, and may have put
// something there all the same, when the value has no exact place in the type.
type appender func(value *source.Value) bool

// appenderOf makes the appender of a column. A value comes as the source holds it, or as text: an endpoint may name a
// column after another type, and what was kept as JSON has no other types than JSON's.
func appenderOf(builder array.Builder, typ source.Type) appender {
	switch b := builder.(type) {
	case *array.Int16Builder:
		return func(value *source.Value) bool {
			n, ok := integer(value, math.MinInt16, math.MaxInt16)
			b.Append(int16(n))
			return ok
		}
	case *array.Int32Builder:
		return func(value *source.Value) bool {
			n, ok := integer(value, math.MinInt32, math.MaxInt32)
			b.Append(int32(n))
			return ok
		}
	case *array.Int64Builder:
		return func(value *source.Value) bool {
			n, ok := integer(value, math.MinInt64, math.MaxInt64)
			b.Append(n)
			return ok
		}
	case *array.Float32Builder:
		return func(value *source.Value) bool {
			x, ok := float(value, 32)
			b.Append(float32(x))
			return ok
		}
	case *array.Float64Builder:
		return func(value *source.Value) bool {
			x, ok := float(value, 64)
			b.Append(x)
			return ok
		}
	case *array.BooleanBuilder:
		return func(value *source.Value) bool {
			b.Append(value.Int != 0)
			return value.Kind == source.KindBool
		}
	case *array.Decimal128Builder:
		return decimals(b.Type().(arrow.DecimalType), func(digits []byte) bool { return appendDecimal128(b, digits) })
	case *array.Decimal256Builder:
		return decimals(b.Type().(arrow.DecimalType), func(digits []byte) bool { return appendDecimal256(b, digits) })
	case *array.ListBuilder:
		return lists(b, typ)
	case *array.StringBuilder:
		return texts(b)
	default:
		return temporalOrBytes(builder, typ)
	}
}

func temporalOrBytes(builder array.Builder, typ source.Type) appender {
	switch b := builder.(type) {
	case *array.Date32Builder:
		return func(value *source.Value) bool {
			days, ok := date(value)
			b.Append(arrow.Date32(days))
			return ok
		}
	case *array.Time64Builder:
		return func(value *source.Value) bool {
			micros, ok := value.Int, value.Kind == source.KindTime
			if value.Kind == source.KindText {
				micros, ok = result.ParseTime(value.Bytes)
			}
			b.Append(arrow.Time64(micros))
			return ok && micros < microsPerDay // Arrow has no 24:00:00
		}
	case *array.TimestampBuilder:
		zoned := typ == source.TypeTimestampTZ
		return func(value *source.Value) bool {
			micros, ok := value.Int, value.Kind == source.KindTimestamp && !zoned || value.Kind == source.KindTimestampTZ && zoned
			if value.Kind == source.KindText {
				micros, ok = result.ParseTimestamp(value.Bytes, zoned)
			}
			b.Append(arrow.Timestamp(micros))
			return ok
		}
	case *array.FixedSizeBinaryBuilder: // which copies
		return func(value *source.Value) bool {
			if value.Kind == source.KindUUID {
				b.Append(value.Bytes)
				return true
			}
			id, err := uuid.ParseBytes(value.Bytes)
			b.Append(id[:])
			return value.Kind == source.KindText && len(value.Bytes) == 36 && err == nil
		}
	default:
		return binaries(builder.(*array.BinaryBuilder))
	}
}

const microsPerDay = 24 * 60 * 60 * 1_000_000

// date returns the days since 1970. Infinity is the last day that there is, which no finite date reaches.
func date(value *source.Value) (days int32, ok bool) {
	n, ok := value.Int, value.Kind == source.KindDate
	if value.Kind == source.KindText {
		n, ok = result.ParseDate(value.Bytes)
	}
	switch {
	case n == math.MinInt64:
		return math.MinInt32, ok
	case n == math.MaxInt64:
		return math.MaxInt32, ok
	}
	return int32(n), ok && math.MinInt32 < n && n < math.MaxInt32
}

func integer(value *source.Value, least, most int64) (int64, bool) {
	n, ok := value.Int, value.Kind == source.KindInt
	if value.Kind == source.KindDecimal {
		whole, fraction, _ := bytes.Cut(value.Bytes, []byte{'.'})
		var err error
		n, err = strconv.ParseInt(string(whole), 10, 64)
		ok = err == nil && len(bytes.Trim(fraction, "0")) == 0
	}
	return n, ok && least <= n && n <= most
}

// maxExact is the largest whole number up to which a double holds every one.
const maxExact = 1 << 53

func float(value *source.Value, bits int) (float64, bool) {
	switch value.Kind {
	case source.KindFloat32, source.KindFloat64:
		return value.Float, bits == 64 || value.Kind == source.KindFloat32
	case source.KindDecimal, source.KindText: // text is NaN and the infinities
		x, err := strconv.ParseFloat(string(value.Bytes), bits)
		return x, err == nil
	case source.KindInt:
		x := float64(value.Int)
		return x, -maxExact <= value.Int && value.Int <= maxExact && (bits == 64 || float64(float32(x)) == x)
	default:
		return 0, false
	}
}

func decimals(typ arrow.DecimalType, put func(digits []byte) bool) appender {
	precision, scale := int(typ.GetPrecision()), int(typ.GetScale())
	var text, digits []byte
	return func(value *source.Value) bool {
		number := value.Bytes
		switch value.Kind {
		case source.KindDecimal:
		case source.KindInt:
			text = strconv.AppendInt(text[:0], value.Int, 10)
			number = text
		default:
			return false
		}
		var ok bool
		digits, ok = unscaled(digits, number, precision, scale)
		return ok && put(digits)
	}
}

func texts(b *array.StringBuilder) appender {
	var text []byte
	return func(value *source.Value) bool {
		if value.Kind == source.KindText || value.Kind == source.KindJSON || value.Kind == source.KindDecimal {
			b.BinaryBuilder.Append(value.Bytes)
			return true
		}
		text = result.AppendText(text[:0], *value)
		b.BinaryBuilder.Append(text)
		return true
	}
}

func binaries(b *array.BinaryBuilder) appender {
	var raw []byte
	return func(value *source.Value) bool {
		if value.Kind == source.KindBinary {
			b.Append(value.Bytes)
			return true
		}
		digits, prefixed := bytes.CutPrefix(value.Bytes, []byte(`\x`))
		var err error
		raw, err = hex.AppendDecode(raw[:0], digits)
		b.Append(raw)
		return value.Kind == source.KindText && prefixed && err == nil
	}
}

// lists puts arrays, which sources hold as JSON. One of more dimensions than its type has no place in it.
func lists(b *array.ListBuilder, typ source.Type) appender {
	elementType, _ := elementOf(typ)
	put := appenderOf(b.ValueBuilder(), elementType)
	in := bytes.NewReader(nil)
	options := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	decoder := jsontext.NewDecoder(in, options...)
	var scratch []byte
	return func(value *source.Value) bool {
		if value.Kind != source.KindJSON {
			return false
		}
		in.Reset(value.Bytes)
		decoder.Reset(in, options...)
		if token, err := decoder.ReadToken(); err != nil || token.Kind() != '[' {
			return false
		}
		b.Append(true)
		for decoder.PeekKind() != ']' {
			text, err := decoder.ReadValue()
			if err != nil {
				return false
			}
			var element source.Value
			if element, scratch, err = result.FromJSON(text, elementType, scratch[:0]); err != nil {
				return false
			}
			if element.Kind == source.KindNull {
				b.ValueBuilder().AppendNull()
			} else if !put(&element) {
				return false
			}
		}
		return true
	}
}
