package source

// ParamType is the type of a parameter.
type ParamType string

// The parameter types. Each may also be the element of an array.
const (
	ParamString    ParamType = "string"
	ParamInteger   ParamType = "integer" // 64 bits, signed
	ParamDecimal   ParamType = "decimal" // a JSON number; digits and scale are kept
	ParamBoolean   ParamType = "boolean"
	ParamDate      ParamType = "date"      // YYYY-MM-DD
	ParamTimestamp ParamType = "timestamp" // RFC 3339 with an offset
	ParamUUID      ParamType = "uuid"
)

// ParamTypes lists the parameter types, in the order in which they are documented.
func ParamTypes() []ParamType {
	return []ParamType{ParamString, ParamInteger, ParamDecimal, ParamBoolean, ParamDate, ParamTimestamp, ParamUUID}
}

// Param is a parameter that a statement may use.
type Param struct {
	Name  string    // 1 to 63 lower-case letters, digits and underscores, the first no digit
	Type  ParamType // of the value, or of an array's elements
	Array bool
}

// Argument is one bound parameter. A source binds it through its protocol, and never splices it into SQL.
type Argument struct {
	Type  ParamType // of the value, or of the elements of an array
	Array bool
	Null  bool // omitted, or null

	// Text is the scalar's canonical text: a string as it is, digits, true or false, YYYY-MM-DD, RFC 3339 in UTC,
	// a lower-case UUID. Postgres reads every one of them in its text format.
	Text string
	Int  int64 // the value of a ParamInteger; 1 for true

	Items []Argument // of an array; never null, never arrays themselves
}
