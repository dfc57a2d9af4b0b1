package result

// Kind says how a [Value] is held.
type Kind uint8

// The kinds of value that a source hands to an encoder. Each comment names the fields of Value that it uses.
const (
	Null        Kind = iota
	Bool             // Int is 0 or 1
	Int              // Int
	Float32          // Float; NaN and infinities are allowed
	Float64          // Float; NaN and infinities are allowed
	Decimal          // Bytes: the number in decimal notation with its scale, such as 150000.00, or NaN, Infinity, -Infinity
	Text             // Bytes: UTF-8
	JSON             // Bytes: one valid JSON value, passed on as it stands
	Binary           // Bytes: any bytes
	UUID             // Bytes: 16 bytes
	Date             // Int: days since 1970-01-01; MinInt64 and MaxInt64 are -infinity and infinity
	Time             // Int: microseconds since midnight; 86,400,000,000 is 24:00:00
	Timestamp        // Int: microseconds since 1970-01-01T00:00:00 without a zone; MinInt64, MaxInt64 as for Date
	TimestampTZ      // Int: microseconds since 1970-01-01T00:00:00Z; MinInt64, MaxInt64 as for Date
)

// Value is one cell. It is a plain struct, not an interface, so that a row of them is reused without allocating.
// Bytes belongs to the source and is valid only during the call that handed it over.
type Value struct {
	Kind  Kind
	Int   int64
	Float float64
	Bytes []byte
}
