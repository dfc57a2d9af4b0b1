package respond

import (
	"context"
	"time"

	"github.com/solucao42/caddy-data-api/internal/identity"
)

// permittedEvery is how often it is asked whether a caller may go on.
const permittedEvery = 500 * time.Millisecond

// WhilePermitted returns a context that is cancelled when the caller may not go on, because its key, user or tokens are not good any more;
// [context.Cause] is the refusal then. It is for work that takes long before the first part of an answer, at which the caller would be looked
// at anyway. Renew returns the caller as it is now, and must not block. Call stop when the work is done.
func WhilePermitted(
	ctx context.Context, caller identity.Principal, renew func(identity.Principal) (identity.Principal, error),
) (permitted context.Context, stop func()) {
	permitted, cancel := context.WithCancelCause(ctx)
	go func() {
		ticker := time.NewTicker(permittedEvery)
		defer ticker.Stop()
		for {
			select {
			case <-permitted.Done():
				return
			case <-ticker.C:
				if _, err := renew(caller); err != nil {
					cancel(err)
					return
				}
			}
		}
	}()
	return permitted, func() { cancel(context.Canceled) }
}
