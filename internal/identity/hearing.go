package identity

import (
	"fmt"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// lagging is how long silence lasts that is more than the time between two questions. What is not known then may well exist.
const lagging = 5 * time.Second

// hearing is how keys hear of what other processes do to them.
type hearing struct {
	silence    func() time.Duration
	staleAfter time.Duration
}

// SharedWith says that other processes change the keys of the store, too: silence, which must not block, is how long this one
// has not heard of them. Beyond staleAfter no key is known to be live any more. It must be called before the keys are used.
func (k *Keys) SharedWith(silence func() time.Duration, staleAfter time.Duration) {
	k.hearing = &hearing{silence, staleAfter}
}

// stale is dataapi.CodeOverloaded when too much may have happened unheard.
func (k *Keys) stale() error {
	if k.hearing == nil {
		return nil
	}
	silence := k.hearing.silence()
	if silence <= k.hearing.staleAfter {
		return nil
	}
	return &dataapi.Error{
		Code:   dataapi.CodeOverloaded,
		Detail: "The server cannot tell at present which API keys are valid. Wait as long as the Retry-After header says.",
		Err:    fmt.Errorf("nothing was heard of the store for %s", silence.Round(time.Second)),
	}
}

// unknown makes of a refusal that what is refused cannot be known, if there may be more than was heard of.
func (k *Keys) unknown(refusal error) error {
	if k.hearing == nil || k.hearing.silence() <= lagging {
		return refusal
	}
	return &dataapi.Error{
		Code:   dataapi.CodeOverloaded,
		Detail: "The server cannot tell at present whether the credentials are valid. Wait as long as the Retry-After header says.",
		Err:    fmt.Errorf("the store is silent, and by what is known of it: %w", refusal),
	}
}
