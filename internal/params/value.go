package params

// Type is the type of a parameter.
type Type string

// The parameter types. Each may also stand as the element of an array.
const (
	String    Type = "string"
	Integer   Type = "integer" // 64 bits, signed
	Decimal   Type = "decimal" // a JSON number; digits and scale are kept
	Boolean   Type = "boolean"
	Date      Type = "date"      // YYYY-MM-DD
	Timestamp Type = "timestamp" // RFC 3339 with an offset
	UUID      Type = "uuid"
)

// Types lists the parameter types, in the order in which they are documented.
func Types() []Type { return []Type{String, Integer, Decimal, Boolean, Date, Timestamp, UUID} }

// Value is one bound argument. A source binds it through its protocol; it is never spliced into SQL.
type Value struct {
	Type  Type // of the value, or of the elements of an array
	Array bool
	Null  bool // omitted, or null

	// Text is the scalar's canonical text: a string as it is, digits, true or false, YYYY-MM-DD, RFC 3339 in UTC,
	// a lower-case UUID. Postgres reads every one of them in its text format.
	Text string
	Int  int64 // the value of an Integer; 1 for true

	Items []Value // of an array; never null, never arrays themselves
}
