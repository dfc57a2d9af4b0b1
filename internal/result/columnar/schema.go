package columnar

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/decimal256"

	"github.com/solucao42/caddy-data-api/source"
)

// typeKey is the metadata of a field that holds its SQL type name.
const typeKey = "data_api.type"

// The canonical extension type of UUIDs, which a reader who does not know it takes for the 16 bytes that it is stored as.
const (
	extensionKey  = "ARROW:extension:name"
	uuidExtension = "arrow.uuid"
)

// schemaOf says how a result's columns are written. Every column may be NULL: databases do not tell.
func schemaOf(columns []source.Column) *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i, column := range columns {
		metadata := map[string]string{typeKey: string(column.Type)}
		if column.Type == source.TypeUUID {
			metadata[extensionKey] = uuidExtension
		}
		fields[i] = arrow.Field{
			Name: column.Name, Type: dataType(column.Type, column.Digits), Nullable: true, Metadata: arrow.MetadataFrom(metadata),
		}
	}
	return arrow.NewSchema(fields, nil)
}

var dataTypes = map[source.Type]arrow.DataType{
	source.TypeSmallInt:    arrow.PrimitiveTypes.Int16,
	source.TypeInteger:     arrow.PrimitiveTypes.Int32,
	source.TypeBigInt:      arrow.PrimitiveTypes.Int64,
	source.TypeReal:        arrow.PrimitiveTypes.Float32,
	source.TypeDouble:      arrow.PrimitiveTypes.Float64,
	source.TypeBoolean:     arrow.FixedWidthTypes.Boolean,
	source.TypeDate:        arrow.FixedWidthTypes.Date32,
	source.TypeTime:        arrow.FixedWidthTypes.Time64us,
	source.TypeTimestamp:   &arrow.TimestampType{Unit: arrow.Microsecond},
	source.TypeTimestampTZ: arrow.FixedWidthTypes.Timestamp_us, // whose zone is UTC
	source.TypeUUID:        &arrow.FixedSizeBinaryType{ByteWidth: 16},
	source.TypeVarBinary:   arrow.BinaryTypes.Binary,
}

// dataType is the Arrow type whose values are exactly those of an SQL type. What has none is text, as [result.AppendText]
// writes it: varchar, interval, json, and decimals of whose digits nothing is known.
func dataType(typ source.Type, digits source.Digits) arrow.DataType {
	if element, ok := elementOf(typ); ok {
		return arrow.ListOf(dataType(element, digits))
	}
	if typ == source.TypeDecimal {
		return decimalType(digits)
	}
	if found, ok := dataTypes[typ]; ok {
		return found
	}
	return arrow.BinaryTypes.String
}

// roomBeforePoint is how many digits stay for the whole part of a decimal whose scale is known and whose precision is not.
const roomBeforePoint = 20

func decimalType(digits source.Digits) arrow.DataType {
	precision, scale := digits.Precision, int32(min(digits.Scale, decimal256.MaxPrecision+1))
	switch {
	case !digits.Fixed:
	case precision > 0 && precision <= decimal128.MaxPrecision:
		return &arrow.Decimal128Type{Precision: int32(precision), Scale: scale}
	case precision > 0 && precision <= decimal256.MaxPrecision:
		return &arrow.Decimal256Type{Precision: int32(precision), Scale: scale}
	case precision > 0:
	case scale <= decimal128.MaxPrecision-roomBeforePoint:
		return &arrow.Decimal128Type{Precision: decimal128.MaxPrecision, Scale: scale}
	case scale <= decimal256.MaxPrecision-roomBeforePoint:
		return &arrow.Decimal256Type{Precision: decimal256.MaxPrecision, Scale: scale}
	}
	return arrow.BinaryTypes.String
}

// elementOf returns the type of an array's elements.
func elementOf(typ source.Type) (source.Type, bool) {
	element, isArray := strings.CutPrefix(string(typ), "array<")
	element, closed := strings.CutSuffix(element, ">")
	return source.Type(element), isArray && closed
}
