package caddymodule

import (
	"net/http"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

var _ store.Compacter = (*boltstore.Store)(nil)

// compactAnswer says what a compaction has done.
type compactAnswer struct {
	BytesBefore int64   `json:"bytes_before"`
	BytesAfter  int64   `json:"bytes_after"`
	Seconds     float64 `json:"seconds"`
}

// compactStore makes the store's file as small as what it holds. Writes wait meanwhile, reads go on.
func compactStore(ready services, r *http.Request) (int, any, error) {
	compacter, ok := ready.Store.(store.Compacter)
	if !ok {
		return 0, nil, dataapi.Errorf(dataapi.CodeInvalidRequest, "The configured store needs no compaction.")
	}
	begun := time.Now()
	before, after, err := compacter.Compact(r.Context())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, compactAnswer{before, after, time.Since(begun).Seconds()}, nil
}
