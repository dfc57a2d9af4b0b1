package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// companyBucket lists the jobs of each company: by company, a zero byte, CreatedAt and ID. Its values repeat what a list
// is filtered by, the status and after a space the endpoint, so that a job that does not match need not be decoded.
var companyBucket = layout.Index("jobs_company", describeCompanyEntry)

const (
	scanBatch = 1000    // entries that one transaction looks at
	scanLimit = 100_000 // entries that one page looks at
)

func companyKey(company string, at time.Time, id job.ID) []byte {
	key := append(make([]byte, 0, len(company)+1+timeKeySize), company...)
	return appendTimeKey(append(key, 0), at, id)
}

// putCompanyEntry makes or changes the entry of a job that is new or has ended.
func putCompanyEntry(tx *bbolt.Tx, j *job.Job) error {
	value := make([]byte, 0, 256) // which stays on the stack
	for _, part := range [...]string{string(j.Status), " ", j.Address.Company, "/", j.Address.Namespace, "/", j.Address.Slug} {
		value = append(value, part...)
	}
	return in(tx, companyBucket).Put(companyKey(j.Company, j.CreatedAt, j.ID), value)
}

func removeCompanyEntry(tx *bbolt.Tx, j *job.Job) error {
	return in(tx, companyBucket).Delete(companyKey(j.Company, j.CreatedAt, j.ID))
}

func describeCompanyEntry(key []byte) string {
	company, at, _ := bytes.Cut(key, []byte{0})
	return fmt.Sprintf("%s of company %q", identified("the entry in the list of job", 8)(at), company)
}

// page is one page of a list while it is made: of entries of a bucket, the last first.
type page struct {
	filter  job.Filter
	bucket  []byte
	belongs func(key []byte) bool                        // false: the list has ended before
	take    func(tx *bbolt.Tx, key, sealed []byte) error // adds to jobs what matches the filter
	before  []byte                                       // the key that the next entry comes before; nil: the next is the last one
	jobs    []job.Job

	scanned   int
	complete  bool // nothing more is to be looked at
	exhausted bool // there is no further entry
}

// fill looks at entries until the page is complete, or enough of them were looked at.
func (s *Store) fill(ctx context.Context, p *page) error {
	if p.filter.Limit < 1 || p.filter.Limit > job.MaxList {
		return fmt.Errorf("a page has from 1 to %d jobs, not %d", job.MaxList, p.filter.Limit)
	}
	for !p.complete && p.scanned < scanLimit {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.View(p.scan); err != nil {
			return err
		}
	}
	return nil
}

// scan looks at the next entries.
func (p *page) scan(tx *bbolt.Tx) error {
	cursor := in(tx, p.bucket).Cursor()
	key, sealed := cursor.Last()
	if p.before != nil {
		if found, _ := cursor.Seek(p.before); found != nil {
			key, sealed = cursor.Prev()
		} else {
			key, sealed = cursor.Last()
		}
	}
	for range scanBatch {
		switch {
		case !p.belongs(key):
			p.complete, p.exhausted = true, true
			return nil
		case len(p.jobs) == p.filter.Limit:
			p.complete = true // and there is at least one entry more
			return nil
		}
		if err := p.take(tx, key, sealed); err != nil {
			return err
		}
		p.scanned++
		p.before = append(p.before[:0:0], key...)
		key, sealed = cursor.Prev()
	}
	return nil
}

// List implements job.Store.
func (s *Store) List(ctx context.Context, company string, filter job.Filter) (jobs []job.Job, next job.Cursor, err error) {
	prefix := append([]byte(company), 0)
	p := &page{filter: filter, bucket: companyBucket, before: append([]byte(company), 1)}
	if !filter.After.IsZero() {
		p.before = companyKey(company, filter.After.CreatedAt, filter.After.ID)
	}
	p.belongs = func(key []byte) bool { return bytes.HasPrefix(key, prefix) }
	p.take = func(tx *bbolt.Tx, key, sealed []byte) error {
		value, err := in(tx, companyBucket).Open(key, sealed)
		if err != nil || !matches(filter, string(value)) {
			return err
		}
		_, id := splitKey(key[len(prefix):])
		rec, err := readRecord(tx, id)
		if err == nil && (filter.User == "" || filter.User == rec.User) {
			p.jobs = append(p.jobs, rec.Job)
		}
		return err
	}
	if err := s.fill(ctx, p); err != nil {
		return nil, job.Cursor{}, err
	}
	if !p.exhausted {
		at, id := splitTimeKey(p.before[len(prefix):])
		next = job.Cursor{CreatedAt: at, ID: id}
	}
	return p.jobs, next, nil
}

// ListAll implements job.Store. It reads the jobs themselves, which are in the order of their IDs. Damaged ones are left out, and
// reported.
func (s *Store) ListAll(ctx context.Context, filter job.Filter) (jobs []job.Job, next job.Cursor, err error) {
	p := &page{filter: filter, bucket: jobBucket}
	if !filter.After.IsZero() {
		p.before = filter.After.ID[:]
	}
	p.belongs = func(key []byte) bool { return len(key) == len(job.ID{}) }
	p.take = func(tx *bbolt.Tx, key, sealed []byte) error {
		rec, err := openRecord(tx, key, sealed)
		switch {
		case err != nil:
			s.ReportDamage(err)
		case (filter.Status == "" || filter.Status == rec.Status) && (filter.User == "" || filter.User == rec.User) &&
			(filter.Endpoint == dataapi.Address{} || filter.Endpoint == rec.Address):
			p.jobs = append(p.jobs, rec.Job)
		}
		return nil
	}
	if err := s.fill(ctx, p); err != nil {
		return nil, job.Cursor{}, err
	}
	if !p.exhausted {
		next = cursorOf(job.ID(p.before))
	}
	return p.jobs, next, nil
}

// cursorOf is a place in the list of all jobs. Of the time it has what the ID says, since a cursor that is not zero has one.
func cursorOf(id job.ID) job.Cursor { return job.Cursor{CreatedAt: id.Time(), ID: id} }

func openRecord(tx *bbolt.Tx, key, sealed []byte) (*record, error) {
	stored, err := in(tx, jobBucket).Open(key, sealed)
	if err != nil {
		return nil, err
	}
	return decodeRecord(key, stored)
}

// matches compares what the list of a company says of a job.
func matches(filter job.Filter, value string) bool {
	status, endpoint, _ := strings.Cut(value, " ")
	return (filter.Status == "" || string(filter.Status) == status) &&
		(filter.Endpoint.Slug == "" || filter.Endpoint.String() == endpoint)
}
