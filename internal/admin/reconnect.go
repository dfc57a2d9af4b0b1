package admin

import (
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/audit"
)

// ReconnectRequest names a source; empty: all that can replace their connections, and the secrets of tokens.
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
	HS256   *Reread       `json:"hs256,omitempty"` // nil: there are no such secrets, or they were not asked for
}

// Reread says what has become of the secrets that sign and verify tokens.
type Reread struct {
	Changed bool   `json:"changed"`
	Error   string `json:"error,omitempty"` // why they cannot be used; everything is as it was then
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
	for _, state := range done.Sources {
		if state.Reconnected {
			s.record(r, audit.Event{Action: audit.SourceReconnected, Subject: state.Source})
		}
	}
	return done, nil
}
