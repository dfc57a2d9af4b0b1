package boltstore

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// Counts implements job.Store.
func (s *Store) Counts(ctx context.Context) (counts job.Counts, err error) {
	if err := ctx.Err(); err != nil {
		return job.Counts{}, err
	}
	var due []job.ID
	err = s.View(func(tx *bbolt.Tx) error {
		counts, due = job.Counts{}, nil
		lines, err := jobQueue.lines(tx)
		if err != nil {
			return err
		}
		for _, line := range lines {
			counts.Waiting += int(line.waiting)
			if err := s.countOldest(tx, line.first.id, &counts); err != nil {
				return err
			}
		}
		return in(tx, dueBucket).ForEach(func(key, _ []byte) error {
			_, id := splitKey(key)
			due = append(due, id)
			return nil
		})
	})
	for err == nil && len(due) > 0 {
		batch := due[:min(len(due), unfinishedBatch)]
		due = due[len(batch):]
		err = s.countDue(ctx, batch, &counts)
	}
	if err != nil {
		return job.Counts{}, err
	}
	return counts, nil
}

// countOldest reads when a job was accepted that is the first in its line.
func (s *Store) countOldest(tx *bbolt.Tx, id job.ID, counts *job.Counts) error {
	rec, err := readRecord(tx, id)
	switch {
	case errors.Is(err, ErrDamaged):
		s.ReportDamage(err)
		return nil
	case errors.Is(err, job.ErrNotFound):
		return nil
	case err == nil && (counts.Oldest.IsZero() || rec.CreatedAt.Before(counts.Oldest)):
		counts.Oldest = rec.CreatedAt
	}
	return err
}

// countDue counts the jobs for which the clock decides: they run, or wait for a further attempt.
func (s *Store) countDue(ctx context.Context, ids []job.ID, counts *job.Counts) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	before := *counts
	return s.View(func(tx *bbolt.Tx) error {
		*counts = before
		for _, id := range ids {
			rec, err := readRecord(tx, id)
			switch {
			case errors.Is(err, ErrDamaged):
				s.ReportDamage(err)
			case errors.Is(err, job.ErrNotFound):
			case err != nil:
				return err
			case rec.Running():
				counts.Running++
			case !rec.Status.Terminal():
				counts.Waiting++
				if counts.Oldest.IsZero() || rec.CreatedAt.Before(counts.Oldest) {
					counts.Oldest = rec.CreatedAt
				}
			}
		}
		return nil
	})
}
