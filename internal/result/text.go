package result

import (
	"encoding/hex"

	"github.com/solucao42/caddy-data-api/source"
)

// binaryPrefix comes before the hexadecimal digits of bytes, as in PostgreSQL's own text of bytea.
const binaryPrefix = `\x`

// AppendText appends value as [AppendJSON] writes it, without JSON's quotes and escapes. NULL appends nothing.
func AppendText(dst []byte, value source.Value) []byte {
	switch value.Kind {
	case source.KindNull:
		return dst
	case source.KindFloat32, source.KindFloat64:
		start := len(dst)
		dst = appendJSON(dst, &value)
		if dst[start] == '"' { // NaN and the infinities
			dst = append(dst[:start], dst[start+1:len(dst)-1]...)
		}
		return dst
	case source.KindText, source.KindJSON, source.KindDecimal:
		return append(dst, value.Bytes...)
	case source.KindDate:
		return appendDate(dst, value.Int)
	case source.KindTime:
		return appendClock(dst, value.Int)
	case source.KindTimestamp:
		return appendTimestamp(dst, value.Int, "")
	case source.KindTimestampTZ:
		return appendTimestamp(dst, value.Int, utcOffset)
	case source.KindUUID:
		return appendUUID(dst, value.Bytes)
	case source.KindBinary:
		return hex.AppendEncode(append(dst, binaryPrefix...), value.Bytes)
	default:
		return appendJSON(dst, &value)
	}
}
