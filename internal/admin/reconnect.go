package admin

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/audit"
)

// ReconnectRequest names a source; empty: all that can replace their connections.
type ReconnectRequest struct {
	Source string `json:"source,omitempty"`
}

// Reconnected says what has become of one source.
type Reconnected struct {
	Source      string `json:"source"`
	Reconnected bool   `json:"reconnected"`
	Error       string `json:"error,omitempty"` // why not; everything is as it was then
}

// ReconnectedSources is the answer.
type ReconnectedSources struct {
	Sources []Reconnected `json:"sources"`
}

// reconnectSources has sources read again how to connect, and replace their connections.
func (s *Services) reconnectSources(r *http.Request) (any, error) {
	var request ReconnectRequest
	if err := decodeBody(r, &request); err != nil {
		return nil, err
	}
	done, err := s.Reconnect(request.Source)
	if err != nil {
		return nil, err
	}
	for _, state := range done {
		if state.Reconnected {
			s.record(r, audit.Event{Action: audit.SourceReconnected, Subject: state.Source})
		}
	}
	return ReconnectedSources{done}, nil
}
