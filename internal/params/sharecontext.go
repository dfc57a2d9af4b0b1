package params

import "encoding/json"

// ShareContext constrains parameter values, by parameter name. It is attached to a share or to a user and binds
// every endpoint that has a parameter of that name.
type ShareContext map[string]Constraint

// Constraint is what one parameter is limited to. Its values are JSON, read by the type of each parameter they meet.
// With exactly one allowed value the parameter is pinned: it is filled in when the caller leaves it out.
type Constraint struct {
	Allowed []json.RawMessage // nil: not limited to a list
	Minimum json.RawMessage   // nil: no lower bound; inclusive
	Maximum json.RawMessage   // nil: no upper bound; inclusive
}

// Canonical writes the context as one JSON object: by parameter, an object with the members allowed, minimum and maximum, of
// which only those are there that limit it. Equal contexts are equal bytes: names are sorted, and there is no white space.
func (c ShareContext) Canonical() ([]byte, error) {
	type constraint struct {
		Allowed []json.RawMessage `json:"allowed,omitzero"`
		Minimum json.RawMessage   `json:"minimum,omitempty"`
		Maximum json.RawMessage   `json:"maximum,omitempty"`
	}
	document := make(map[string]constraint, len(c))
	for name, limits := range c {
		document[name] = constraint(limits)
	}
	return json.Marshal(document)
}
