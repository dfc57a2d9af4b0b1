//go:build clockstep

package callback_test

import (
	"testing"
	"time"
)

// The system's own clock is stepped, in a build whose time.Now has an offset: see package clockstep.
func TestSystemClockSteps(t *testing.T) {
	clockSteps(t, nil, func(by time.Duration) { time.ClockStep += int64(by / time.Second) })
}
