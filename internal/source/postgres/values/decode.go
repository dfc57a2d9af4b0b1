package values

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// decoder reads one value in PostgreSQL's wire format into value, which holds what the same decoder left there for another
// row, or NULL. It sets the fields that the kind uses and leaves the others, since a result has millions of cells: a
// decoder that sets Bytes for one value sets it for all whose kind uses it. Scratch is for what must be spelled out; it
// may be grown.
type decoder func(src []byte, scratch *[]byte, value *source.Value) error

var errWire = errors.New("the database sent a value that does not have the form of its type")

const (
	epochDays    = 10_957             // from 1970-01-01 to PostgreSQL's epoch, 2000-01-01
	epochSeconds = epochDays * 86_400 // the same in seconds
	microsecond  = 1_000_000          // per second
	latestMicros = math.MaxInt64 - epochSeconds*microsecond
)

func decodeBool(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) != 1 {
		return errWire
	}
	value.Kind, value.Int = source.KindBool, int64(src[0])
	return nil
}

func decodeBoolText(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) != 1 || src[0] != 't' && src[0] != 'f' {
		return errWire
	}
	value.Kind, value.Int = source.KindBool, 0
	if src[0] == 't' {
		value.Int = 1
	}
	return nil
}

// DecodeNumericText takes the text for what it is: it has the numeric's scale, no exponent, and to_json's names for
// infinities and for what is no number. It goes into results as it is, and so may be nothing else.
func DecodeNumericText(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) == 0 {
		return errWire
	}
	for _, c := range src {
		if c-'0' <= 9 || c == '.' || c == '-' {
			continue
		}
		if name := string(src); name != "NaN" && name != "Infinity" && name != "-Infinity" {
			return errWire
		}
	}
	value.Kind, value.Bytes = source.KindDecimal, src
	return nil
}

func decodeInt2(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) != 2 {
		return errWire
	}
	value.Kind, value.Int = source.KindInt, int64(int16(binary.BigEndian.Uint16(src)))
	return nil
}

func decodeInt4(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) != 4 {
		return errWire
	}
	value.Kind, value.Int = source.KindInt, int64(int32(binary.BigEndian.Uint32(src)))
	return nil
}

func decodeInt8(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) != 8 {
		return errWire
	}
	value.Kind, value.Int = source.KindInt, int64(binary.BigEndian.Uint64(src))
	return nil
}

func decodeFloat4(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) != 4 {
		return errWire
	}
	value.Kind, value.Float = source.KindFloat32, float64(math.Float32frombits(binary.BigEndian.Uint32(src)))
	return nil
}

func decodeFloat8(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) != 8 {
		return errWire
	}
	value.Kind, value.Float = source.KindFloat64, math.Float64frombits(binary.BigEndian.Uint64(src))
	return nil
}

// DecodeText reads the text of a type that callers see as the database writes it. The value holds src itself.
func DecodeText(src []byte, _ *[]byte, value *source.Value) error {
	value.Kind, value.Bytes = source.KindText, src
	return nil
}

func decodeBytea(src []byte, _ *[]byte, value *source.Value) error {
	value.Kind, value.Bytes = source.KindBinary, src
	return nil
}

func decodeJSON(src []byte, _ *[]byte, value *source.Value) error {
	value.Kind, value.Bytes = source.KindJSON, src
	return nil
}

// decodeJSONB skips the version that precedes the text.
func decodeJSONB(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) < 2 || src[0] != 1 {
		return errWire
	}
	value.Kind, value.Bytes = source.KindJSON, src[1:]
	return nil
}

func decodeUUID(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) != 16 {
		return errWire
	}
	value.Kind, value.Bytes = source.KindUUID, src
	return nil
}

func decodeDate(src []byte, _ *[]byte, value *source.Value) error {
	if len(src) != 4 {
		return errWire
	}
	value.Kind = source.KindDate
	switch days := int32(binary.BigEndian.Uint32(src)); days {
	case math.MinInt32:
		value.Int = math.MinInt64
	case math.MaxInt32:
		value.Int = math.MaxInt64
	default:
		value.Int = int64(days) + epochDays
	}
	return nil
}

func decodeTime(src []byte, _ *[]byte, value *source.Value) error {
	err := decodeInt8(src, nil, value)
	value.Kind = source.KindTime
	if err != nil || value.Int < 0 || value.Int > 86_400*microsecond {
		return errWire
	}
	return nil
}

func decodeTimestamp(src []byte, scratch *[]byte, value *source.Value) error {
	return decodeMoment(src, scratch, value, source.KindTimestamp, "")
}

func decodeTimestampTZ(src []byte, scratch *[]byte, value *source.Value) error {
	return decodeMoment(src, scratch, value, source.KindTimestampTZ, "+00:00")
}

func decodeMoment(src []byte, scratch *[]byte, value *source.Value, kind source.Kind, zone string) error {
	if len(src) != 8 {
		return errWire
	}
	micros := int64(binary.BigEndian.Uint64(src))
	switch {
	case micros == math.MinInt64 || micros == math.MaxInt64:
		value.Kind, value.Int = kind, micros
	case micros < latestMicros: // which itself would read as infinity
		value.Kind, value.Int = kind, micros+epochSeconds*microsecond
	default:
		// PostgreSQL's last 30 years, to 294276 AD, do not fit into microseconds since 1970.
		*scratch = result.AppendTimestamp((*scratch)[:0], micros/microsecond+epochSeconds, int(micros%microsecond), zone)
		value.Kind, value.Bytes = source.KindText, *scratch
	}
	return nil
}
