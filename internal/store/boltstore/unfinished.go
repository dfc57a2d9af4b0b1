package boltstore

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// unfinishedBatch is how many records one transaction reads.
const unfinishedBatch = 1000

// Unfinished implements job.Store.
func (s *Store) Unfinished(ctx context.Context) ([]job.Unfinished, error) {
	ids, err := s.unfinishedIDs(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]job.Unfinished, 0, len(ids))
	for len(ids) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		batch := ids[:min(len(ids), unfinishedBatch)]
		ids = ids[len(batch):]
		var found []job.Unfinished
		err := s.View(func(tx *bbolt.Tx) error {
			found = found[:0]
			for _, id := range batch {
				rec, err := readRecord(tx, id)
				switch {
				case errors.Is(err, ErrDamaged):
					s.ReportDamage(err) // it cannot run, since nobody can read it
				case errors.Is(err, job.ErrNotFound):
				case err != nil:
					return err
				case !rec.Status.Terminal():
					found = append(found, job.Unfinished{
						ID: id, Company: rec.Company, User: rec.User, KeyID: rec.KeyID,
						Source: rec.Source, CreatedAt: rec.CreatedAt,
					})
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// unfinishedIDs reads the indexes that hold the jobs that are processing.
func (s *Store) unfinishedIDs(ctx context.Context) (ids []job.ID, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.View(func(tx *bbolt.Tx) error {
		ids = nil
		if err := jobQueue.forEach(tx, func(id job.ID) { ids = append(ids, id) }); err != nil {
			return err
		}
		return in(tx, dueBucket).ForEach(func(key, _ []byte) error {
			_, id := splitKey(key)
			ids = append(ids, id)
			return nil
		})
	})
	return ids, err
}
