// Package result holds what a query answers with: columns with SQL type names, values, and the encoders that write
// them while they are read. No row is ever turned into a map or kept.
package result

import (
	"fmt"
	"time"
)

// Type is a column's type as callers see it: the lower-case SQL name.
type Type string

// The type names of the contract. Arrays are written by [ArrayOf].
const (
	Varchar         Type = "varchar"
	DecimalType     Type = "decimal"
	SmallInt        Type = "smallint"
	Integer         Type = "integer"
	BigInt          Type = "bigint"
	Real            Type = "real"
	Double          Type = "double"
	Boolean         Type = "boolean"
	DateType        Type = "date"
	TimeType        Type = "time"
	TimestampType   Type = "timestamp"
	TimestampTZType Type = "timestamptz"
	UUIDType        Type = "uuid"
	JSONType        Type = "json"
	VarBinary       Type = "varbinary"
	IntervalType    Type = "interval"
)

// Types lists the scalar types, in the order in which they are documented.
func Types() []Type {
	return []Type{
		Varchar, DecimalType, SmallInt, Integer, BigInt, Real, Double, Boolean, DateType, TimeType, TimestampType,
		TimestampTZType, UUIDType, JSONType, VarBinary, IntervalType,
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

// ColumnSpec is what an endpoint file declares of a column, for databases that do not know or not say.
type ColumnSpec struct {
	Type  Type // empty: as the database says
	Scale *int // digits after the point, for a decimal; nil: as the value comes
}

// Sink receives a result while a source reads it.
type Sink interface {
	// Columns is called exactly once, before the first row, for an empty result too. The sink may keep the slice.
	Columns(columns []Column) error

	// Row receives one row, in the order of the columns. The values, and the bytes that they point to, are valid only
	// until it returns. It may block, as a slow reader does: the source then stops reading from the database. An error
	// ends the query, and the source returns that error unchanged.
	Row(values []Value) error
}

// Summary is what is known of a result once it has been read.
type Summary struct {
	RowCount   int
	Truncated  bool // there were more than MaxRows rows
	MaxRows    int
	ExecutedAt time.Time
	Columns    []Column
}

// Encoder writes a result in one format. It holds at most one small buffer; Flush and End hand it to the writer.
type Encoder interface {
	Sink

	// End writes what follows the last row, and hands all that is buffered to the writer.
	// Without End what was written is incomplete, and is meant to be seen as such.
	End(summary Summary) error

	// ContentType is the media type of what is written.
	ContentType() string

	// Close frees what the encoder holds, whether or not the result has ended. It may be called more than once.
	Close()
}
