package postgres

import (
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/source"
)

// codec says how the values of one type travel and what they are to callers.
type codec struct {
	typ    source.Type
	format int16
	decode decoder
	array  bool // decode is of the elements; the type is that of the array
}

// textual are the scalars whose text costs PostgreSQL less to write than their binary form, and us less to read: the text of a
// numeric is the result's, and whatever it sends in binary PostgreSQL first makes in a buffer of its own.
var textual = map[uint32]codec{
	pgtype.BoolOID:    inText(source.TypeBoolean, decodeBoolText),
	pgtype.NumericOID: inText(source.TypeDecimal, decodeNumericText),
}

// scalars are the types whose binary or text form we turn into to_json's exactly. Every other type is either sent as
// its text, when that is what to_json puts between quotes, or converted by to_json itself. In arrays they travel in binary.
var scalars = map[uint32]codec{
	pgtype.BoolOID:        inBinary(source.TypeBoolean, decodeBool),
	pgtype.Int2OID:        inBinary(source.TypeSmallInt, decodeInt2),
	pgtype.Int4OID:        inBinary(source.TypeInteger, decodeInt4),
	pgtype.Int8OID:        inBinary(source.TypeBigInt, decodeInt8),
	pgtype.Float4OID:      inBinary(source.TypeReal, decodeFloat4),
	pgtype.Float8OID:      inBinary(source.TypeDouble, decodeFloat8),
	pgtype.NumericOID:     inBinary(source.TypeDecimal, decodeNumeric),
	pgtype.TextOID:        inBinary(source.TypeVarchar, decodeText),
	pgtype.VarcharOID:     inBinary(source.TypeVarchar, decodeText),
	pgtype.BPCharOID:      inBinary(source.TypeVarchar, decodeText),
	pgtype.NameOID:        inBinary(source.TypeVarchar, decodeText),
	pgtype.DateOID:        inBinary(source.TypeDate, decodeDate),
	pgtype.TimeOID:        inBinary(source.TypeTime, decodeTime),
	pgtype.TimestampOID:   inBinary(source.TypeTimestamp, decodeTimestamp),
	pgtype.TimestamptzOID: inBinary(source.TypeTimestampTZ, decodeTimestampTZ),
	pgtype.UUIDOID:        inBinary(source.TypeUUID, decodeUUID),
	pgtype.ByteaOID:       inBinary(source.TypeVarBinary, decodeBytea),
	pgtype.JSONOID:        inBinary(source.TypeJSON, decodeJSON),
	pgtype.JSONBOID:       inBinary(source.TypeJSON, decodeJSONB),
	pgtype.IntervalOID:    inText(source.TypeInterval, decodeText),
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
		codec.typ, codec.array = source.ArrayOf(codec.typ), true
		table[array] = codec
	}
	return table
}()

// asText is for types whose text to_json puts between quotes: enums, networks, ranges, and most others.
var asText = inText(source.TypeVarchar, decodeText)

// asJSON is for a column that the statement converts with to_json.
func asJSON(typ source.Type) codec {
	return codec{typ: typ, format: pgtype.BinaryFormatCode, decode: decodeJSON}
}

func inBinary(typ source.Type, decode decoder) codec {
	return codec{typ: typ, format: pgtype.BinaryFormatCode, decode: decode}
}

func inText(typ source.Type, decode decoder) codec {
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
	item    source.Value // an array's element
}

// read decodes src, which is nil for NULL, into value, which holds what this cell read before. It then points into src
// or into the cell.
func (c *cell) read(src []byte, value *source.Value) error {
	switch {
	case src == nil:
		*value = source.Value{}
		return nil
	case c.array:
		return c.decodeArray(src, value)
	}
	return c.decode(src, &c.text, value)
}
