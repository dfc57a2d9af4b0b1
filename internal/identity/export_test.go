package identity

import "time"

// SetClock makes keys be judged by another clock. It must not be called while they are used.
func (k *Keys) SetClock(now func() time.Time) { k.now = now }

// NewSecret makes a well-formed secret that no key has.
func NewSecret() string { return newSecret() }

// NewKeyID makes a well-formed id that no key has.
func NewKeyID() string { return newKeyID() }
