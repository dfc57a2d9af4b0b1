package identity

import (
	"errors"

	"github.com/solucao42/caddy-data-api/internal/observe"
)

// refusals are the causes as metrics name them.
var refusals = map[error]observe.Refusal{
	errMalformed: observe.MalformedKey, errUnknownKey: observe.UnknownKey, errForeignKey: observe.UnknownKey,
	errWrongSecret: observe.WrongSecret, errKeyRevoked: observe.RevokedKey, errKeyExpired: observe.ExpiredKey,
	errUnknownCompany: observe.NotActive, errCompanyInactive: observe.NotActive, errUnknownUser: observe.NotActive, errUserInactive: observe.NotActive,
	errNotTrusted: observe.NotTrusted, errUnknownSubject: observe.NotTrusted,
}

// Refusal returns why a directory has refused somebody; "": the error is of another kind.
func Refusal(err error) observe.Refusal {
	for cause, refusal := range refusals {
		if errors.Is(err, cause) {
			return refusal
		}
	}
	return ""
}
