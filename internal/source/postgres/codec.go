package postgres

import (
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/internal/result"
)

// codec says how the values of one type travel and what they are to callers.
type codec struct {
	typ    result.Type
	format int16
	decode decoder
	array  bool // decode is of the elements; the type is that of the array
}

// textual are the scalars whose text costs PostgreSQL less to write than their binary form, and us less to read: the text of a
// numeric is the result's, and whatever it sends in binary PostgreSQL first makes in a buffer of its own.
var textual = map[uint32]codec{
	pgtype.BoolOID:    inText(result.Boolean, decodeBoolText),
	pgtype.NumericOID: inText(result.DecimalType, decodeNumericText),
}

// scalars are the types whose binary or text form we turn into to_json's exactly. Every other type is either sent as
// its text, when that is what to_json puts between quotes, or converted by to_json itself. In arrays they travel in binary.
var scalars = map[uint32]codec{
	pgtype.BoolOID:        inBinary(result.Boolean, decodeBool),
	pgtype.Int2OID:        inBinary(result.SmallInt, decodeInt2),
	pgtype.Int4OID:        inBinary(result.Integer, decodeInt4),
	pgtype.Int8OID:        inBinary(result.BigInt, decodeInt8),
	pgtype.Float4OID:      inBinary(result.Real, decodeFloat4),
	pgtype.Float8OID:      inBinary(result.Double, decodeFloat8),
	pgtype.NumericOID:     inBinary(result.DecimalType, decodeNumeric),
	pgtype.TextOID:        inBinary(result.Varchar, decodeText),
	pgtype.VarcharOID:     inBinary(result.Varchar, decodeText),
	pgtype.BPCharOID:      inBinary(result.Varchar, decodeText),
	pgtype.NameOID:        inBinary(result.Varchar, decodeText),
	pgtype.DateOID:        inBinary(result.DateType, decodeDate),
	pgtype.TimeOID:        inBinary(result.TimeType, decodeTime),
	pgtype.TimestampOID:   inBinary(result.TimestampType, decodeTimestamp),
	pgtype.TimestamptzOID: inBinary(result.TimestampTZType, decodeTimestampTZ),
	pgtype.UUIDOID:        inBinary(result.UUIDType, decodeUUID),
	pgtype.ByteaOID:       inBinary(result.VarBinary, decodeBytea),
	pgtype.JSONOID:        inBinary(result.JSONType, decodeJSON),
	pgtype.JSONBOID:       inBinary(result.JSONType, decodeJSONB),
	pgtype.IntervalOID:    inText(result.IntervalType, decodeText),
}

// arrays are the arrays of those scalars that travel in binary.
var arrays = func() map[uint32]codec {
	elements := map[uint32]uint32{
		pgtype.BoolArrayOID: pgtype.BoolOID, pgtype.Int2ArrayOID: pgtype.Int2OID, pgtype.Int4ArrayOID: pgtype.Int4OID,
		pgtype.Int8ArrayOID: pgtype.Int8OID, pgtype.Float4ArrayOID: pgtype.Float4OID, pgtype.Float8ArrayOID: pgtype.Float8OID,
		pgtype.NumericArrayOID: pgtype.NumericOID, pgtype.TextArrayOID: pgtype.TextOID, pgtype.VarcharArrayOID: pgtype.VarcharOID,
		pgtype.BPCharArrayOID: pgtype.BPCharOID, pgtype.NameArrayOID: pgtype.NameOID, pgtype.DateArrayOID: pgtype.DateOID,
		pgtype.TimeArrayOID: pgtype.TimeOID, pgtype.TimestampArrayOID: pgtype.TimestampOID,
		pgtype.TimestamptzArrayOID: pgtype.TimestamptzOID, pgtype.UUIDArrayOID: pgtype.UUIDOID,
		pgtype.ByteaArrayOID: pgtype.ByteaOID, pgtype.JSONArrayOID: pgtype.JSONOID, pgtype.JSONBArrayOID: pgtype.JSONBOID,
	}
	table := make(map[uint32]codec, len(elements))
	for array, element := range elements {
		codec := scalars[element]
		codec.typ, codec.array = result.ArrayOf(codec.typ), true
		table[array] = codec
	}
	return table
}()

// asText is for types whose text to_json puts between quotes: enums, networks, ranges, and most others.
var asText = inText(result.Varchar, decodeText)

// asJSON is for a column that the statement converts with to_json.
func asJSON(typ result.Type) codec {
	return codec{typ: typ, format: pgtype.BinaryFormatCode, decode: decodeJSON}
}

func inBinary(typ result.Type, decode decoder) codec {
	return codec{typ: typ, format: pgtype.BinaryFormatCode, decode: decode}
}

func inText(typ result.Type, decode decoder) codec {
	return codec{typ: typ, format: pgtype.TextFormatCode, decode: decode}
}

// known returns the codec of a type that needs no look-up in the catalog.
func known(oid uint32) (codec, bool) {
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
	codec
	text    []byte       // of a number, or of an array as JSON
	element []byte       // of a number inside an array
	item    result.Value // an array's element
}

// read decodes src, which is nil for NULL, into value, which holds what this cell read before. It then points into src
// or into the cell.
func (c *cell) read(src []byte, value *result.Value) error {
	switch {
	case src == nil:
		*value = result.Value{}
		return nil
	case c.array:
		return c.decodeArray(src, value)
	}
	return c.decode(src, &c.text, value)
}
