package access

import (
	"encoding/json"

	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
)

// keptContext is a share context as files have it: of each parameter one value, a list of values, or bounds. What a GET describes is taken too, so
// that it can be sent back: there a list is {"allowed": [...]}. What is neither is for the check to refuse. Nil: nothing is constrained.
func keptContext(given json.RawMessage) json.RawMessage {
	var constraints map[string]json.RawMessage
	if json.Unmarshal(given, &constraints) != nil {
		return given
	}
	if len(constraints) == 0 {
		return nil
	}
	for name, constraint := range constraints {
		var described map[string]json.RawMessage
		if json.Unmarshal(constraint, &described) != nil || len(described) != 1 {
			continue
		}
		if allowed := described["allowed"]; len(allowed) > 0 && allowed[0] == '[' {
			constraints[name] = allowed
		}
	}
	kept, err := json.Marshal(constraints)
	if err != nil {
		return given
	}
	return kept
}

// readContext reads what is kept. What cannot be read constrains nothing.
func readContext(kept json.RawMessage) params.ShareContext {
	var constraints map[string]json.RawMessage
	_ = json.Unmarshal(kept, &constraints)
	context := make(params.ShareContext, len(constraints))
	for name, value := range constraints {
		var described identity.ConstraintDocument
		switch value[0] {
		case '{':
			_ = json.Unmarshal(value, &described)
		case '[':
			_ = json.Unmarshal(value, &described.Allowed)
		default:
			described.Allowed = []json.RawMessage{value}
		}
		context[name] = params.Constraint(described)
	}
	return context
}
