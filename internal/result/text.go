package result

import "encoding/hex"

// binaryPrefix stands before the hexadecimal digits of bytes, as in PostgreSQL's own text of bytea.
const binaryPrefix = `\x`

// AppendText appends value as [AppendJSON] writes it, without JSON's quotes and escapes. NULL appends nothing.
func AppendText(dst []byte, value Value) []byte {
	switch value.Kind {
	case Null:
		return dst
	case Float32, Float64:
		start := len(dst)
		dst = appendJSON(dst, &value)
		if dst[start] == '"' { // NaN and the infinities
			dst = append(dst[:start], dst[start+1:len(dst)-1]...)
		}
		return dst
	case Text, JSON, Decimal:
		return append(dst, value.Bytes...)
	case Date:
		return appendDate(dst, value.Int)
	case Time:
		return appendClock(dst, value.Int)
	case Timestamp:
		return appendTimestamp(dst, value.Int, "")
	case TimestampTZ:
		return appendTimestamp(dst, value.Int, utcOffset)
	case UUID:
		return appendUUID(dst, value.Bytes)
	case Binary:
		return hex.AppendEncode(append(dst, binaryPrefix...), value.Bytes)
	default:
		return appendJSON(dst, &value)
	}
}
