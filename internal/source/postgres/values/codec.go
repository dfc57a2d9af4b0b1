package values

import (
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/source"
)

// Codec says how the values of one type travel and what they are to callers.
type Codec struct {
	Type   source.Type
	Format int16
	Decode decoder
	array  bool // decode is of the elements; the type is that of the array
}

// textual are the scalars whose text costs PostgreSQL less to write than their binary form, and us less to read: the text of a
// numeric is the result's, and whatever it sends in binary PostgreSQL first makes in a buffer of its own.
var textual = map[uint32]Codec{
	pgtype.BoolOID:    inText(source.TypeBoolean, decodeBoolText),
	pgtype.NumericOID: inText(source.TypeDecimal, DecodeNumericText),
}

// scalars are the types whose binary or text form we turn into to_json's exactly. Every other type is either sent as
// its text, when that is what to_json puts between quotes, or converted by to_json itself. In arrays they travel in binary.
var scalars = map[uint32]Codec{
	pgtype.BoolOID:        inBinary(source.TypeBoolean, decodeBool),
	pgtype.Int2OID:        inBinary(source.TypeSmallInt, decodeInt2),
	pgtype.Int4OID:        inBinary(source.TypeInteger, decodeInt4),
	pgtype.Int8OID:        inBinary(source.TypeBigInt, decodeInt8),
	pgtype.Float4OID:      inBinary(source.TypeReal, decodeFloat4),
	pgtype.Float8OID:      inBinary(source.TypeDouble, decodeFloat8),
	pgtype.NumericOID:     inBinary(source.TypeDecimal, decodeNumeric),
	pgtype.TextOID:        inBinary(source.TypeVarchar, DecodeText),
	pgtype.VarcharOID:     inBinary(source.TypeVarchar, DecodeText),
	pgtype.BPCharOID:      inBinary(source.TypeVarchar, DecodeText),
	pgtype.NameOID:        inBinary(source.TypeVarchar, DecodeText),
	pgtype.DateOID:        inBinary(source.TypeDate, decodeDate),
	pgtype.TimeOID:        inBinary(source.TypeTime, decodeTime),
	pgtype.TimestampOID:   inBinary(source.TypeTimestamp, decodeTimestamp),
	pgtype.TimestamptzOID: inBinary(source.TypeTimestampTZ, decodeTimestampTZ),
	pgtype.UUIDOID:        inBinary(source.TypeUUID, decodeUUID),
	pgtype.ByteaOID:       inBinary(source.TypeVarBinary, decodeBytea),
	pgtype.JSONOID:        inBinary(source.TypeJSON, decodeJSON),
	pgtype.JSONBOID:       inBinary(source.TypeJSON, decodeJSONB),
	pgtype.IntervalOID:    inText(source.TypeInterval, DecodeText),
}

// arrays are the arrays of those scalars that travel in binary.
var arrays = func() map[uint32]Codec {
	elements := map[uint32]uint32{
		pgtype.BoolArrayOID: pgtype.BoolOID, pgtype.Int2ArrayOID: pgtype.Int2OID, pgtype.Int4ArrayOID: pgtype.Int4OID,
		pgtype.Int8ArrayOID: pgtype.Int8OID, pgtype.Float4ArrayOID: pgtype.Float4OID, pgtype.Float8ArrayOID: pgtype.Float8OID,
		pgtype.NumericArrayOID: pgtype.NumericOID, pgtype.TextArrayOID: pgtype.TextOID, pgtype.VarcharArrayOID: pgtype.VarcharOID,
		pgtype.BPCharArrayOID: pgtype.BPCharOID, pgtype.NameArrayOID: pgtype.NameOID, pgtype.DateArrayOID: pgtype.DateOID,
		pgtype.TimeArrayOID: pgtype.TimeOID, pgtype.TimestampArrayOID: pgtype.TimestampOID,
		pgtype.TimestamptzArrayOID: pgtype.TimestamptzOID, pgtype.UUIDArrayOID: pgtype.UUIDOID,
		pgtype.ByteaArrayOID: pgtype.ByteaOID, pgtype.JSONArrayOID: pgtype.JSONOID, pgtype.JSONBArrayOID: pgtype.JSONBOID,
	}
	table := make(map[uint32]Codec, len(elements))
	for array, element := range elements {
		codec := scalars[element]
		codec.Type, codec.array = source.ArrayOf(codec.Type), true
		table[array] = codec
	}
	return table
}()

// asText is for types whose text to_json puts between quotes: enums, networks, ranges, and most others.
var asText = inText(source.TypeVarchar, DecodeText)

// asJSON is for a column that the statement converts with to_json.
func asJSON(typ source.Type) Codec {
	return Codec{Type: typ, Format: pgtype.BinaryFormatCode, Decode: decodeJSON}
}

func inBinary(typ source.Type, decode decoder) Codec {
	return Codec{Type: typ, Format: pgtype.BinaryFormatCode, Decode: decode}
}

func inText(typ source.Type, decode decoder) Codec {
	return Codec{Type: typ, Format: pgtype.TextFormatCode, Decode: decode}
}

// Known returns the codec of a type that needs no look-up in the catalog.
func Known(oid uint32) (Codec, bool) {
	if codec, ok := textual[oid]; ok {
		return codec, true
	}
	if codec, ok := scalars[oid]; ok {
		return codec, true
	}
	codec, ok := arrays[oid]
	return codec, ok
}

// cell decodes one column. It belongs to one run at a time, because its buffers are reused from row to row.
type cell struct {
	Codec
	Text    []byte       // of a number, or of an array as JSON
	Element []byte       // of a number inside an array
	item    source.Value // an array's element
}

// Read decodes src, which is nil for NULL, into value, which holds what this cell read before. It then points into src
// or into the cell.
func (c *cell) read(src []byte, value *source.Value) error {
	switch {
	case src == nil:
		*value = source.Value{}
		return nil
	case c.array:
		return c.decodeArray(src, value)
	}
	return c.Decode(src, &c.Text, value)
}
