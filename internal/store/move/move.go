package move

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/store/transfer"
)

// Stores names what is moved where.
type Stores struct {
	From string // bbolt:PATH
	To   string // postgres:CONNECTION-STRING, or a URL that begins with postgres://

	Schema   string // in PostgreSQL; empty: pgstore.DefaultSchema
	PollOnly bool   // the connection goes through a proxy in transaction mode
}

// Copy moves all of a store that no server holds into a schema that is empty, or goes on with what an earlier call has begun. It
// blocks until both were read again and are found to be the same. The error says what to do where the stores are not fit for it.
// See [transfer.Copy] for progress and what it returns.
func Copy(ctx context.Context, stores Stores, progress func(step string, kind transfer.Kind, done int64)) ([]transfer.Sum, error) {
	path, ok := strings.CutPrefix(stores.From, "bbolt:")
	if !ok || path == "" {
		return nil, fmt.Errorf("the store to copy is %q: write bbolt:PATH. From PostgreSQL nothing is moved: pg_dump copies it", stores.From)
	}
	dsn := stores.To
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		if dsn, ok = strings.CutPrefix(stores.To, "postgres:"); !ok || dsn == "" {
			return nil, errors.New("the store to copy to is not understood: write postgres:CONNECTION-STRING, such as postgres:{env.STORE_URL}. " +
				"To copy a file to a file, use `caddy data-api store backup`")
		}
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("the store to copy: %w", err) // opening it would make one
	}
	quiet := slog.New(slog.DiscardHandler)
	source, err := boltstore.Open(path, boltstore.Options{Logger: quiet})
	if err != nil {
		return nil, err
	}
	defer source.Close()
	target, err := pgstore.OpenForMove(ctx, dsn, pgstore.Options{Schema: stores.Schema, PollOnly: stores.PollOnly, Logger: quiet})
	if err != nil {
		return nil, err
	}
	defer target.Close()
	return transfer.Copy(ctx, source, target, progress)
}
