package sqlite

import (
	"strconv"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/result"
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

var shapes = map[result.Type]shape{
	result.Varchar: shapeVarchar, result.IntervalType: shapeVarchar, result.DecimalType: shapeDecimal,
	result.SmallInt: shapeInteger, result.Integer: shapeInteger, result.BigInt: shapeInteger,
	result.Real: shapeReal, result.Double: shapeDouble, result.Boolean: shapeBoolean,
	result.DateType: shapeDate, result.TimeType: shapeTime, result.TimestampType: shapeTimestamp,
	result.TimestampTZType: shapeTimestampTZ, result.UUIDType: shapeUUID, result.JSONType: shapeJSON,
	result.VarBinary: shapeBinary,
}

// shapeOf returns how values of a type are read, and shapeByRow for a name that is no type.
func shapeOf(t result.Type) shape {
	elem := string(t)
	for strings.HasPrefix(elem, "array<") && strings.HasSuffix(elem, ">") {
		elem = elem[len("array<") : len(elem)-1]
	}
	found, ok := shapes[result.Type(elem)]
	if ok && elem != string(t) {
		return shapeArray
	}
	return found
}

// declarations maps the words that tables' declarations use, without length, precision and scale.
var declarations = map[string]result.Type{
	"CHAR": result.Varchar, "CHARACTER": result.Varchar, "VARCHAR": result.Varchar, "NCHAR": result.Varchar,
	"NVARCHAR": result.Varchar, "VARYING CHARACTER": result.Varchar, "CHARACTER VARYING": result.Varchar,
	"NATIVE CHARACTER": result.Varchar, "BPCHAR": result.Varchar, "TEXT": result.Varchar, "TINYTEXT": result.Varchar,
	"MEDIUMTEXT": result.Varchar, "LONGTEXT": result.Varchar, "CLOB": result.Varchar,
	"INT": result.BigInt, "INTEGER": result.BigInt, "TINYINT": result.BigInt, "SMALLINT": result.BigInt,
	"MEDIUMINT": result.BigInt, "BIGINT": result.BigInt, "UNSIGNED BIG INT": result.BigInt, "INT2": result.BigInt,
	"INT4": result.BigInt, "INT8": result.BigInt,
	"DECIMAL": result.DecimalType, "NUMERIC": result.DecimalType, "NUMBER": result.DecimalType, "DEC": result.DecimalType,
	"REAL": result.Double, "FLOAT": result.Double, "DOUBLE": result.Double, "DOUBLE PRECISION": result.Double,
	"FLOAT4": result.Double, "FLOAT8": result.Double,
	"BOOLEAN": result.Boolean, "BOOL": result.Boolean,
	"DATE": result.DateType, "TIME": result.TimeType, "DATETIME": result.TimestampType,
	"TIMESTAMP": result.TimestampType, "TIMESTAMP WITHOUT TIME ZONE": result.TimestampType,
	"TIMESTAMPTZ": result.TimestampTZType, "TIMESTAMP WITH TIME ZONE": result.TimestampTZType,
	"UUID": result.UUIDType, "JSON": result.JSONType, "JSONB": result.JSONType,
	"BLOB": result.VarBinary, "BINARY": result.VarBinary, "VARBINARY": result.VarBinary, "BYTEA": result.VarBinary,
}

// declaredType reads a table's declaration of a column, such as DECIMAL(10,2). The type is empty when the declaration
// says nothing that this package knows; the scale is noScale when there is none.
func declaredType(declaration string) (result.Type, int) {
	base, arguments, _ := strings.Cut(declaration, "(")
	arguments, tail, _ := strings.Cut(arguments, ")")
	words := strings.Fields(strings.ToUpper(base + " " + tail))
	found := declarations[strings.Join(words, " ")]
	if found != result.DecimalType {
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
