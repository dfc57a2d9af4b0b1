package sqlite

import (
	"strconv"
	"strings"

	"github.com/solucao42/caddy-data-api/source"
)

// shape is how a column's values are read: a type, as a number that the loop over cells can branch on.
type shape uint8

const (
	shapeByRow shape = iota // unknown until the first row's storage class tells
	shapeVarchar
	shapeDecimal
	shapeInteger // of any width
	shapeReal
	shapeDouble
	shapeBoolean
	shapeDate
	shapeTime
	shapeTimestamp
	shapeTimestampTZ
	shapeUUID
	shapeJSON
	shapeArray
	shapeBinary
)

var shapes = map[source.Type]shape{
	source.TypeVarchar: shapeVarchar, source.TypeInterval: shapeVarchar, source.TypeDecimal: shapeDecimal,
	source.TypeSmallInt: shapeInteger, source.TypeInteger: shapeInteger, source.TypeBigInt: shapeInteger,
	source.TypeReal: shapeReal, source.TypeDouble: shapeDouble, source.TypeBoolean: shapeBoolean,
	source.TypeDate: shapeDate, source.TypeTime: shapeTime, source.TypeTimestamp: shapeTimestamp,
	source.TypeTimestampTZ: shapeTimestampTZ, source.TypeUUID: shapeUUID, source.TypeJSON: shapeJSON,
	source.TypeVarBinary: shapeBinary,
}

// shapeOf returns how values of a type are read, and shapeByRow for a name that is no type.
func shapeOf(t source.Type) shape {
	item, depth := itemOf(t)
	found, ok := shapes[item]
	if ok && depth > 0 {
		return shapeArray
	}
	return found
}

// itemOf returns the type of what is in an array, and how many arrays it is in; none: t is no array.
func itemOf(t source.Type) (item source.Type, depth int) {
	for strings.HasPrefix(string(t), "array<") && strings.HasSuffix(string(t), ">") {
		t = t[len("array<") : len(t)-1]
		depth++
	}
	return t, depth
}

// declarations maps the words that tables' declarations use, without length, precision and scale.
var declarations = map[string]source.Type{
	"CHAR": source.TypeVarchar, "CHARACTER": source.TypeVarchar, "VARCHAR": source.TypeVarchar, "NCHAR": source.TypeVarchar,
	"NVARCHAR": source.TypeVarchar, "VARYING CHARACTER": source.TypeVarchar, "CHARACTER VARYING": source.TypeVarchar,
	"NATIVE CHARACTER": source.TypeVarchar, "BPCHAR": source.TypeVarchar, "TEXT": source.TypeVarchar, "TINYTEXT": source.TypeVarchar,
	"MEDIUMTEXT": source.TypeVarchar, "LONGTEXT": source.TypeVarchar, "CLOB": source.TypeVarchar,
	"INT": source.TypeBigInt, "INTEGER": source.TypeBigInt, "TINYINT": source.TypeBigInt, "SMALLINT": source.TypeBigInt,
	"MEDIUMINT": source.TypeBigInt, "BIGINT": source.TypeBigInt, "UNSIGNED BIG INT": source.TypeBigInt, "INT2": source.TypeBigInt,
	"INT4": source.TypeBigInt, "INT8": source.TypeBigInt,
	"DECIMAL": source.TypeDecimal, "NUMERIC": source.TypeDecimal, "NUMBER": source.TypeDecimal, "DEC": source.TypeDecimal,
	"REAL": source.TypeDouble, "FLOAT": source.TypeDouble, "DOUBLE": source.TypeDouble, "DOUBLE PRECISION": source.TypeDouble,
	"FLOAT4": source.TypeDouble, "FLOAT8": source.TypeDouble,
	"BOOLEAN": source.TypeBoolean, "BOOL": source.TypeBoolean,
	"DATE": source.TypeDate, "TIME": source.TypeTime, "DATETIME": source.TypeTimestamp,
	"TIMESTAMP": source.TypeTimestamp, "TIMESTAMP WITHOUT TIME ZONE": source.TypeTimestamp,
	"TIMESTAMPTZ": source.TypeTimestampTZ, "TIMESTAMP WITH TIME ZONE": source.TypeTimestampTZ,
	"UUID": source.TypeUUID, "JSON": source.TypeJSON, "JSONB": source.TypeJSON,
	"BLOB": source.TypeVarBinary, "BINARY": source.TypeVarBinary, "VARBINARY": source.TypeVarBinary, "BYTEA": source.TypeVarBinary,
}

// declaredType reads a table's declaration of a column, such as DECIMAL(10,2). The type is empty when the declaration
// says nothing that this package knows; the scale is noScale when there is none.
func declaredType(declaration string) (source.Type, int) {
	base, arguments, _ := strings.Cut(declaration, "(")
	arguments, tail, _ := strings.Cut(arguments, ")")
	words := strings.Fields(strings.ToUpper(base + " " + tail))
	found := declarations[strings.Join(words, " ")]
	if found != source.TypeDecimal {
		return found, noScale
	}
	_, digits, ok := strings.Cut(arguments, ",")
	if !ok {
		return found, noScale
	}
	scale, err := strconv.Atoi(strings.TrimSpace(digits))
	if err != nil || scale < 0 || scale > maxScale {
		return found, noScale
	}
	return found, scale
}

const (
	noScale  = -1
	maxScale = 1000 // as for Postgres' numeric; a table may declare any number
)
