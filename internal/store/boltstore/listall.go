package boltstore

import (
	"context"
	"encoding/json"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// ListAll implements job.Store. It reads the jobs themselves, which are in the order of their IDs.
func (s *Store) ListAll(ctx context.Context, filter job.Filter) (jobs []job.Job, next job.Cursor, err error) {
	if err := checkLimit(filter); err != nil {
		return nil, job.Cursor{}, err
	}
	page := &overview{store: s, filter: filter}
	if !filter.After.IsZero() {
		page.before = filter.After.ID[:]
	}
	for !page.complete && page.scanned < scanLimit {
		if err := ctx.Err(); err != nil {
			return nil, job.Cursor{}, err
		}
		if err := s.View(page.scan); err != nil {
			return nil, job.Cursor{}, err
		}
	}
	if !page.exhausted {
		next = cursorOf(job.ID(page.before))
	}
	return page.jobs, next, nil
}

// cursorOf is a place in the list of all jobs. Of the time it has what the ID says, since a cursor that is not zero has one.
func cursorOf(id job.ID) job.Cursor { return job.Cursor{CreatedAt: id.Time(), ID: id} }

// overview is one page of the list of all jobs while it is made.
type overview struct {
	store  *Store
	filter job.Filter
	before []byte // the key that the next job stands before; nil: the next is the last one
	jobs   []job.Job

	scanned   int
	complete  bool // nothing more is to be looked at
	exhausted bool // there is no further job
}

// scan looks at the next jobs. Damaged ones are left out, and reported.
func (o *overview) scan(tx *bbolt.Tx) error {
	records := in(tx, jobBucket)
	cursor := records.Cursor()
	key, sealed := cursor.Last()
	if o.before != nil {
		if found, _ := cursor.Seek(o.before); found != nil {
			key, sealed = cursor.Prev()
		} else {
			key, sealed = cursor.Last()
		}
	}
	for range scanBatch {
		switch {
		case len(key) != len(job.ID{}):
			o.complete, o.exhausted = true, true
			return nil
		case len(o.jobs) == o.filter.Limit:
			o.complete = true // and there is at least one job more
			return nil
		}
		if kept, err := records.Open(key, sealed); err != nil {
			o.store.ReportDamage(err)
		} else if err := o.add(key, kept); err != nil {
			o.store.ReportDamage(err)
		}
		o.scanned++
		o.before = append([]byte(nil), key...)
		key, sealed = cursor.Prev()
	}
	return nil
}

// add keeps a job that matches the filter.
func (o *overview) add(key, kept []byte) error {
	rec := new(record)
	if err := json.Unmarshal(kept, rec); err != nil {
		return layout.Damaged(jobBucket, key, err.Error())
	}
	f := o.filter
	if (f.Status == "" || f.Status == rec.Status) && (f.User == "" || f.User == rec.User) &&
		(f.Endpoint == dataapi.Address{} || f.Endpoint == rec.Address) {
		o.jobs = append(o.jobs, rec.Job)
	}
	return nil
}
