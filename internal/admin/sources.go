package admin

import (
	"fmt"
	"time"
)

// What a source can be found to be.
const (
	SourceAnswers  = "answers"
	SourceSilent   = "unavailable"
	SourceUnproven = "never_answered" // since it was configured: its settings may be wrong
)

// SourceState is what is told of one source.
type SourceState struct {
	Source       string    `json:"source"`
	State        string    `json:"state"`
	ConfiguredAt time.Time `json:"configured_at"`
	Error        string    `json:"error,omitempty"`
}

// String says it to an operator.
func (s SourceState) String() string {
	switch s.State {
	case SourceAnswers:
		return s.Source + ": answers"
	case SourceUnproven:
		return fmt.Sprintf("%s: has never answered since it was configured at %s: %s", s.Source, s.ConfiguredAt.Format(time.RFC3339), s.Error)
	default:
		return s.Source + ": does not answer: " + s.Error
	}
}
