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

	Since       time.Time         `json:"since"`                  // since when it is in this state, as nearly as is known
	Connections *Connections      `json:"connections,omitempty"`  // nil: the source does not say
	Waiting     int               `json:"waiting"`                // callers who wait for a connection
	Failures    map[string]uint64 `json:"failures"`               // runs that failed, by class, since it was configured
	LastFailure *SourceFailure    `json:"last_failure,omitempty"` // of a run, or of connecting; nil: there was none
}

// Connections are those of a source.
type Connections struct {
	InUse int `json:"in_use"`
	Idle  int `json:"idle"`
	Limit int `json:"limit"`
}

// SourceFailure is one failure.
type SourceFailure struct {
	At    time.Time `json:"at"`
	Class string    `json:"class"`           // as in Failures
	Error string    `json:"error,omitempty"` // why the source could not be reached; that of a run is in the log alone
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
