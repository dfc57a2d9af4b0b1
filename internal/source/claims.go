package source

import (
	"encoding/json"

	"github.com/solucao42/caddy-data-api/internal/params"
)

// Claims are what the server has established about a caller. A source may show them to the database's own rules, such as
// PostgreSQL's row-level security; an endpoint's statement must have no way to change them.
type Claims struct {
	Company string // slug of the caller's company
	User    string // name of the caller's user

	// Shared is what the endpoint's owner has limited the caller's company to, and Own what the user is limited to.
	// Both may be nil, and must not be changed.
	Shared, Own params.ShareContext
}

// unlimited is a share context that constrains nothing.
var unlimited = []byte("{}")

// ShareContext writes what Shared and Own allow together, as one JSON object: by parameter, an object with the members
// allowed, minimum and maximum, of which only those are there that limit it. Equal contexts give equal bytes: names are
// sorted, and there is no white space. The bytes must not be changed.
func (c *Claims) ShareContext() ([]byte, error) {
	effective := params.Intersect(c.Shared, c.Own)
	if len(effective) == 0 {
		return unlimited, nil
	}
	type constraint struct {
		Allowed []json.RawMessage `json:"allowed,omitzero"`
		Minimum json.RawMessage   `json:"minimum,omitempty"`
		Maximum json.RawMessage   `json:"maximum,omitempty"`
	}
	document := make(map[string]constraint, len(effective))
	for name, limits := range effective {
		document[name] = constraint(limits)
	}
	return json.Marshal(document)
}
