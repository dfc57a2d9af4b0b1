package source

import "fmt"

// Type is a column's type as callers see it: the lower-case SQL name.
type Type string

// The scalar types. An array's is written by [ArrayOf].
const (
	TypeVarchar     Type = "varchar"
	TypeDecimal     Type = "decimal"
	TypeSmallInt    Type = "smallint"
	TypeInteger     Type = "integer"
	TypeBigInt      Type = "bigint"
	TypeReal        Type = "real"
	TypeDouble      Type = "double"
	TypeBoolean     Type = "boolean"
	TypeDate        Type = "date"
	TypeTime        Type = "time"
	TypeTimestamp   Type = "timestamp"
	TypeTimestampTZ Type = "timestamptz"
	TypeUUID        Type = "uuid"
	TypeJSON        Type = "json"
	TypeVarBinary   Type = "varbinary"
	TypeInterval    Type = "interval"
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
