package execution

import (
	"errors"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// explain tells the caller which parameters a value can be of that the database refuses. The database does not say it in
// words that callers may see.
func (b *Bound) explain(err error) error {
	failure, ok := errors.AsType[*dataapi.Error](err)
	if !ok || failure.Code != dataapi.CodeValueRefused {
		return err
	}
	explained := *failure
	if explained.Detail == "" {
		explained.Detail = b.refusal()
	} else {
		explained.Detail = redact(explained.Detail, b.secrets()) // a job's document is read by colleagues, too
	}
	return &explained
}

// refusal names the parameters that have a value; "" when none has one.
func (b *Bound) refusal() string {
	var names []string
	for i, param := range b.Endpoint.Contract.Params() {
		if i < len(b.call.Args) && !b.call.Args[i].Null {
			names = append(names, param.Name)
		}
	}
	const why = ", although it is of the right type: it may be out of range, malformed, or not known. Change it."
	switch last := len(names) - 1; last {
	case -1:
		return ""
	case 0:
		return "The query cannot work with the value of " + names[0] + why
	default:
		return "The query cannot work with one of the values of " + strings.Join(names[:last], ", ") + " and " + names[last] + why
	}
}
