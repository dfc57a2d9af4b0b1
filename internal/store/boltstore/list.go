package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"

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
	return append(append([]byte(company), 0), timeKey(at, id)...)
}

// putCompanyEntry makes or changes the entry of a job that is new or has ended.
func putCompanyEntry(tx *bbolt.Tx, j *job.Job) error {
	value := string(j.Status) + " " + j.Address.String()
	return in(tx, companyBucket).Put(companyKey(j.Company, j.CreatedAt, j.ID), []byte(value))
}

func removeCompanyEntry(tx *bbolt.Tx, j *job.Job) error {
	return in(tx, companyBucket).Delete(companyKey(j.Company, j.CreatedAt, j.ID))
}

func describeCompanyEntry(key []byte) string {
	company, at, _ := bytes.Cut(key, []byte{0})
	return fmt.Sprintf("%s of company %q", identified("the entry in the list of job", 8)(at), company)
}

func checkLimit(filter job.Filter) error {
	if filter.Limit < 1 || filter.Limit > job.MaxList {
		return fmt.Errorf("a page has from 1 to %d jobs, not %d", job.MaxList, filter.Limit)
	}
	return nil
}

// List implements job.Store.
func (s *Store) List(ctx context.Context, company string, filter job.Filter) (jobs []job.Job, next job.Cursor, err error) {
	if err := checkLimit(filter); err != nil {
		return nil, job.Cursor{}, err
	}
	page := &listing{filter: filter, prefix: append([]byte(company), 0)}
	if filter.After.IsZero() {
		page.before = append([]byte(company), 1)
	} else {
		page.before = companyKey(company, filter.After.CreatedAt, filter.After.ID)
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
		at, id := splitTimeKey(page.before[len(page.prefix):])
		next = job.Cursor{CreatedAt: at, ID: id}
	}
	return page.jobs, next, nil
}

// listing is one page while it is made.
type listing struct {
	filter job.Filter
	prefix []byte
	before []byte // the key that the next entry stands before
	jobs   []job.Job

	scanned   int
	complete  bool // nothing more is to be looked at
	exhausted bool // there is no further entry
}

// scan looks at the next entries.
func (l *listing) scan(tx *bbolt.Tx) error {
	entries := in(tx, companyBucket)
	cursor := entries.Cursor()
	var sealed []byte
	key, _ := cursor.Seek(l.before)
	if key == nil {
		key, sealed = cursor.Last()
	} else {
		key, sealed = cursor.Prev()
	}
	for range scanBatch {
		if !bytes.HasPrefix(key, l.prefix) {
			l.complete, l.exhausted = true, true
			return nil
		}
		if len(l.jobs) == l.filter.Limit {
			l.complete = true // and there is at least one entry more
			return nil
		}
		value, err := entries.Open(key, sealed)
		if err != nil {
			return err
		}
		if l.matches(string(value)) {
			_, id := splitKey(key[len(l.prefix):])
			rec, err := readRecord(tx, id)
			if err != nil {
				return err
			}
			if l.filter.User == "" || l.filter.User == rec.User {
				l.jobs = append(l.jobs, rec.Job)
			}
		}
		l.scanned++
		l.before = append(l.before[:0], key...)
		key, sealed = cursor.Prev()
	}
	return nil
}

func (l *listing) matches(value string) bool {
	status, endpoint, _ := strings.Cut(value, " ")
	return (l.filter.Status == "" || string(l.filter.Status) == status) &&
		(l.filter.Endpoint.Slug == "" || l.filter.Endpoint.String() == endpoint)
}
