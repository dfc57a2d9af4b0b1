package source

// Kind says how a [Value] is held.
type Kind uint8

// The kinds of value that a source hands to a sink. Each comment names the fields of Value that it uses.
const (
	KindNull        Kind = iota
	KindBool             // Int is 0 or 1
	KindInt              // Int
	KindFloat32          // Float; NaN and infinities are allowed
	KindFloat64          // Float; NaN and infinities are allowed
	KindDecimal          // Bytes: the number in decimal notation with its scale, such as 150000.00, or NaN, Infinity, -Infinity
	KindText             // Bytes: UTF-8
	KindJSON             // Bytes: one valid JSON value, passed on as it is
	KindBinary           // Bytes: any bytes
	KindUUID             // Bytes: 16 bytes
	KindDate             // Int: days since 1970-01-01; MinInt64 and MaxInt64 are -infinity and infinity
	KindTime             // Int: microseconds since midnight; 86,400,000,000 is 24:00:00
	KindTimestamp        // Int: microseconds since 1970-01-01T00:00:00 without a zone; MinInt64, MaxInt64 as for KindDate
	KindTimestampTZ      // Int: microseconds since 1970-01-01T00:00:00Z; MinInt64, MaxInt64 as for KindDate
)

// Value is one cell. It is a plain struct, not an interface, so that a row of them is reused without allocating.
// Bytes belongs to the source and is valid only during the call that hands it over.
type Value struct {
	Kind  Kind
	Int   int64
	Float float64
	Bytes []byte
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
