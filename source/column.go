package source

import "fmt"

// Type is a column's type as callers see it: the lower-case SQL name.
type Type string

// The scalar types, and the kinds of value of a column of each, beside [KindNull]. An array's type is written by [ArrayOf], and its
// values are of KindJSON. A database's own types may have other names; callers are then told nothing of their values.
const (
	TypeVarchar     Type = "varchar"     // KindText
	TypeDecimal     Type = "decimal"     // KindDecimal, KindInt
	TypeSmallInt    Type = "smallint"    // KindInt
	TypeInteger     Type = "integer"     // KindInt
	TypeBigInt      Type = "bigint"      // KindInt
	TypeReal        Type = "real"        // KindFloat32
	TypeDouble      Type = "double"      // KindFloat64, KindFloat32
	TypeBoolean     Type = "boolean"     // KindBool
	TypeDate        Type = "date"        // KindDate
	TypeTime        Type = "time"        // KindTime
	TypeTimestamp   Type = "timestamp"   // KindTimestamp
	TypeTimestampTZ Type = "timestamptz" // KindTimestampTZ
	TypeUUID        Type = "uuid"        // KindUUID
	TypeJSON        Type = "json"        // KindJSON
	TypeVarBinary   Type = "varbinary"   // KindBinary
	TypeInterval    Type = "interval"    // KindText
)

// Types lists the scalar types, in the order in which they are documented.
func Types() []Type {
	return []Type{
		TypeVarchar, TypeDecimal, TypeSmallInt, TypeInteger, TypeBigInt, TypeReal, TypeDouble, TypeBoolean, TypeDate, TypeTime,
		TypeTimestamp, TypeTimestampTZ, TypeUUID, TypeJSON, TypeVarBinary, TypeInterval,
	}
}

// ArrayOf names an array of elem, such as array<integer>.
func ArrayOf(elem Type) Type { return Type(fmt.Sprintf("array<%s>", elem)) }

// Column describes one column of a result.
type Column struct {
	Name string `json:"name"`
	Type Type   `json:"type"`

	// Digits says what is known of the numbers of a decimal column, or of the elements of an array<decimal>.
	Digits Digits `json:"digits,omitzero"`
}

// Digits is how a database declares decimal numbers. The zero value says nothing.
type Digits struct {
	Fixed     bool `json:"fixed,omitempty"`     // every number has Scale digits after its point
	Scale     int  `json:"scale,omitempty"`     // at least 0
	Precision int  `json:"precision,omitempty"` // the most digits that a number has, those after the point included; 0: any
}

// ColumnSpec is what an endpoint declares of a column, for databases that do not know or do not say.
type ColumnSpec struct {
	Type  Type // empty: as the database says
	Scale *int // digits after the point, for a decimal; nil: as the value comes
}
