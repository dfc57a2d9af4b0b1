package job

import (
	"context"
	"errors"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// EndRefused ends every unfinished job that authorize refuses, waiting and running ones, as failed with the error that
// authorize gave, which is one of package dataapi. Of those that run in this process the context ends, and with it the query
// inside the database; those of another process end within a second. Their ends are on disk when it returns.
// authorize must not block; a refusal that passes by itself, since it cannot be told at present, ends nothing. It returns ctx's
// error, the store's, or such a refusal, when it could not look at all of them.
func (e *Engine) EndRefused(ctx context.Context, authorize func(Unfinished) error) error {
	unfinished, err := e.store.Unfinished(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, j := range unfinished {
		refused := authorize(j)
		if refused == nil {
			continue
		}
		if dataapi.AsError(refused).Code.Passing() {
			faults = append(faults, refused)
			continue
		}
		_, err := e.end(ctx, j.ID, failed(dataapi.AsError(refused)))
		switch {
		case err == nil:
			e.log.Info("a job was ended, since the caller who asked for it is not permitted any more", "job", j.ID.String(),
				"user", j.Company+"/"+j.User, "error", refused)
		case errors.Is(err, ErrEnded), errors.Is(err, ErrNotFound):
		default:
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}
