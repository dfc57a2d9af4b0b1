package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Compacter is a store whose files keep the size of their busiest day until they are compacted.
type Compacter interface {
	// Compact gives back the space of what was removed, while the store is in use, and returns the sizes in bytes. Writes
	// may have to wait for it. When it fails, or the process is killed, the store stays as it was.
	Compact(ctx context.Context) (before, after int64, err error)
}

// Compacted says what a compaction has done.
type Compacted struct {
	BytesBefore int64   `json:"bytes_before"`
	BytesAfter  int64   `json:"bytes_after"`
	Seconds     float64 `json:"seconds"`
}

// compactStore makes the store's file as small as what it holds. Writes wait meanwhile, reads go on.
func (s *Services) compactStore(r *http.Request) (any, error) {
	compacter, ok := s.Store.(Compacter)
	if !ok {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The configured store needs no compaction.")
	}
	begun := time.Now()
	before, after, err := compacter.Compact(r.Context())
	if err != nil {
		return nil, err
	}
	return Compacted{before, after, time.Since(begun).Seconds()}, nil
}
