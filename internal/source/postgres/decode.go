package postgres

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/solucao42/caddy-data-api/internal/result"
)

// decoder reads one value in PostgreSQL's wire format. Scratch is for what must be spelled out; it may be grown.
type decoder func(src []byte, scratch *[]byte) (result.Value, error)

var errWire = errors.New("the database sent a value that does not have the form of its type")

const (
	epochDays    = 10_957             // from 1970-01-01 to PostgreSQL's epoch, 2000-01-01
	epochSeconds = epochDays * 86_400 // the same in seconds
	microsecond  = 1_000_000          // per second
	latestMicros = math.MaxInt64 - epochSeconds*microsecond
)

func decodeBool(src []byte, _ *[]byte) (result.Value, error) {
	if len(src) != 1 {
		return result.Value{}, errWire
	}
	return result.Value{Kind: result.Bool, Int: int64(src[0])}, nil
}

func decodeInt2(src []byte, _ *[]byte) (result.Value, error) {
	if len(src) != 2 {
		return result.Value{}, errWire
	}
	return result.Value{Kind: result.Int, Int: int64(int16(binary.BigEndian.Uint16(src)))}, nil
}

func decodeInt4(src []byte, _ *[]byte) (result.Value, error) {
	if len(src) != 4 {
		return result.Value{}, errWire
	}
	return result.Value{Kind: result.Int, Int: int64(int32(binary.BigEndian.Uint32(src)))}, nil
}

func decodeInt8(src []byte, _ *[]byte) (result.Value, error) {
	if len(src) != 8 {
		return result.Value{}, errWire
	}
	return result.Value{Kind: result.Int, Int: int64(binary.BigEndian.Uint64(src))}, nil
}

func decodeFloat4(src []byte, _ *[]byte) (result.Value, error) {
	if len(src) != 4 {
		return result.Value{}, errWire
	}
	return result.Value{Kind: result.Float32, Float: float64(math.Float32frombits(binary.BigEndian.Uint32(src)))}, nil
}

func decodeFloat8(src []byte, _ *[]byte) (result.Value, error) {
	if len(src) != 8 {
		return result.Value{}, errWire
	}
	return result.Value{Kind: result.Float64, Float: math.Float64frombits(binary.BigEndian.Uint64(src))}, nil
}

func decodeText(src []byte, _ *[]byte) (result.Value, error) {
	return result.Value{Kind: result.Text, Bytes: src}, nil
}

func decodeBytea(src []byte, _ *[]byte) (result.Value, error) {
	return result.Value{Kind: result.Binary, Bytes: src}, nil
}

func decodeJSON(src []byte, _ *[]byte) (result.Value, error) {
	return result.Value{Kind: result.JSON, Bytes: src}, nil
}

// decodeJSONB skips the version that precedes the text.
func decodeJSONB(src []byte, _ *[]byte) (result.Value, error) {
	if len(src) < 2 || src[0] != 1 {
		return result.Value{}, errWire
	}
	return result.Value{Kind: result.JSON, Bytes: src[1:]}, nil
}

func decodeUUID(src []byte, _ *[]byte) (result.Value, error) {
	if len(src) != 16 {
		return result.Value{}, errWire
	}
	return result.Value{Kind: result.UUID, Bytes: src}, nil
}

func decodeDate(src []byte, _ *[]byte) (result.Value, error) {
	if len(src) != 4 {
		return result.Value{}, errWire
	}
	value := result.Value{Kind: result.Date}
	switch days := int32(binary.BigEndian.Uint32(src)); days {
	case math.MinInt32:
		value.Int = math.MinInt64
	case math.MaxInt32:
		value.Int = math.MaxInt64
	default:
		value.Int = int64(days) + epochDays
	}
	return value, nil
}

func decodeTime(src []byte, _ *[]byte) (result.Value, error) {
	value, err := decodeInt8(src, nil)
	value.Kind = result.Time
	if err != nil || value.Int < 0 || value.Int > 86_400*microsecond {
		return result.Value{}, errWire
	}
	return value, nil
}

func decodeTimestamp(src []byte, scratch *[]byte) (result.Value, error) {
	return decodeMoment(src, scratch, result.Timestamp, "")
}

func decodeTimestampTZ(src []byte, scratch *[]byte) (result.Value, error) {
	return decodeMoment(src, scratch, result.TimestampTZ, "+00:00")
}

func decodeMoment(src []byte, scratch *[]byte, kind result.Kind, zone string) (result.Value, error) {
	if len(src) != 8 {
		return result.Value{}, errWire
	}
	micros := int64(binary.BigEndian.Uint64(src))
	switch {
	case micros == math.MinInt64 || micros == math.MaxInt64:
		return result.Value{Kind: kind, Int: micros}, nil
	case micros < latestMicros: // which itself would read as infinity
		return result.Value{Kind: kind, Int: micros + epochSeconds*microsecond}, nil
	}
	// PostgreSQL's last 30 years, to 294276 AD, do not fit into microseconds since 1970.
	*scratch = result.AppendTimestamp((*scratch)[:0], micros/microsecond+epochSeconds, int(micros%microsecond), zone)
	return result.Value{Kind: result.Text, Bytes: *scratch}, nil
}
