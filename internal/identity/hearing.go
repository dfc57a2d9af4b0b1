package identity

import (
	"errors"
	"fmt"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// hearing is how keys hear of what other processes do to them.
type hearing struct {
	silence    func() time.Duration
	catchUp    func() error
	staleAfter time.Duration
}

// SharedWith says that other processes change the keys of the store, and the companies, too: silence, which must not block, is how
// long this one has not heard of them. Beyond staleAfter no key is known to be live any more. catchUp returns when all is heard of
// that there was when it was called, and fails within a second or so when that cannot be. It must be called before the keys are used.
func (k *Keys) SharedWith(silence func() time.Duration, staleAfter time.Duration, catchUp func() error) {
	k.hearing = &hearing{silence, catchUp, staleAfter}
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

// catchUp makes sure of a refusal: what is refused may have been made just now, by another process. It returns nil when all that
// there is has been heard of, so that the caller looks once more; the refusal, where no other process makes anything; and where that
// cannot be heard, that nobody knows whether the credentials are valid.
func (k *Keys) catchUp(refused error) error {
	if k.hearing == nil || !dataapi.HasCode(refused, dataapi.CodeUnauthenticated) {
		return refused
	}
	if err := k.hearing.catchUp(); err != nil {
		return &dataapi.Error{
			Code:   dataapi.CodeOverloaded,
			Detail: "The server cannot tell at present whether the credentials are valid. Wait as long as the Retry-After header says.",
			Err:    fmt.Errorf("the store is silent (%w), and by what is known of it: %w", err, refused),
		}
	}
	return nil
}

// mayBeNew reports whether a refusal is of something that this process has not heard of.
func mayBeNew(refusal error) bool {
	for _, cause := range []error{errUnknownKey, errUnknownCompany, errUnknownUser, errUnknownSubject} {
		if errors.Is(refusal, cause) {
			return true
		}
	}
	return false
}
