package params

import (
	"encoding/json"
	"regexp"

	"github.com/solucao42/caddy-data-api/source"
)

// DefaultMaxItems is the most items of an array whose definition does not say: each item costs time to judge.
const DefaultMaxItems = 1000

// Param defines one parameter of an endpoint. Values in a definition are JSON, written as a caller would write them.
// For an array the rules on values (Enum, Minimum, Maximum, MinLength, MaxLength, Pattern) hold for each item.
type Param struct {
	Name  string           // see [NameRule]; unique in its contract
	Type  source.ParamType // of the value, or of an array's items
	Array bool

	Required bool            // a caller must give it; excludes Default
	Default  json.RawMessage // bound when a caller leaves the parameter out; nil: NULL is bound

	Enum             []json.RawMessage // the only values allowed; nil: any
	Minimum, Maximum json.RawMessage   // inclusive bounds of an integer, decimal, date or timestamp; nil: none

	MinLength, MaxLength *int   // characters (Unicode code points) of a string; nil: no bound
	Pattern              string // RE2 expression that a string must match somewhere: anchor it with ^ and $ to match all of it

	MinItems, MaxItems *int // of an array; nil: no lower bound, and [DefaultMaxItems]

	Sensitive bool // its values are shown in no log, no audit log and no error

	Title, Description string          // for documentation
	Example            json.RawMessage // for documentation; checked like a caller's value
}

// NameRule says in words what a parameter may be called, for error messages.
const NameRule = "1 to 63 lower-case letters, digits and underscores, not beginning with a digit"

var validName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// ValidName reports whether s can name a parameter. Names become @name in SQL, and keys in JSON and YAML.
func ValidName(s string) bool { return validName.MatchString(s) }

// ordered reports whether values of the type have an order, and so may have bounds.
func ordered(t source.ParamType) bool {
	return t == source.ParamInteger || t == source.ParamDecimal || t == source.ParamDate || t == source.ParamTimestamp
}
