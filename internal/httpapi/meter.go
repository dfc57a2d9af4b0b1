package httpapi

import (
	"cmp"
	"errors"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// countRefusal counts credentials that were refused. Errors of other kinds are none of its business.
func (k *recorder) countRefusal(err error) {
	if err == nil || !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
		return
	}
	k.meter.TokenRefused(cmp.Or(identity.Refusal(err), token.Refusal(err)))
}

// countLimit counts what was refused for a limit that no handler counts itself.
func (k *recorder) countLimit(err error) {
	switch {
	case errors.Is(err, errNoRoom), errors.Is(err, errNoRoomForBody):
		k.meter.Throttled(observe.MemoryLimit)
	case errors.Is(err, errTooManyWait):
		k.meter.Throttled(observe.WaitersLimit)
	case errors.Is(err, job.ErrQuotaExceeded):
		k.meter.Throttled(observe.StorageLimit)
	}
}
