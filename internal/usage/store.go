package usage

import (
	"context"
	"errors"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Key says who has called what. A field is empty where it is not known: a request that was refused early has no endpoint, and
// a caller whom a trusted issuer authenticates has no API key. Where a counter holds more than its MaxSeries, the endpoint is
// left out, and the user and the API key beyond that.
type Key struct {
	Company, User, KeyID string // of the caller
	Endpoint             dataapi.Address
}

// Row is what was counted in an hour under a key.
type Row struct {
	Hour time.Time // its beginning, in UTC
	Key
	Counts
}

// Batch is what a counter has counted since its batch before. It has one row at most for an hour and a key.
type Batch struct {
	Source string    // of the counter, which no other has
	Number uint64    // 1 for the counter's first batch, and one more for each further one
	At     time.Time // when it was made
	Rows   []Row
}

// Dimensions are what rows are told apart by, besides their company.
type Dimensions uint8

// The dimensions.
const (
	ByHour Dimensions = 1 << iota
	ByDay             // of UTC
	ByUser
	ByKey
	ByEndpoint
)

// Filter selects rows, and says how they are summed up.
type Filter struct {
	From, To time.Time  // hours that begin at From or later, and before To
	Company  string     // of the caller; empty: every company
	User     string     // empty: every user
	By       Dimensions // rows that differ in nothing else are one row, whose other fields are empty
	Most     int        // how many rows there may be after that; 0: any number
}

// ErrTooMany says that there are more rows than [Filter.Most].
var ErrTooMany = errors.New("there are too many rows")

// Store keeps rows. It is safe for concurrent use. Hours are stored to the second and returned in UTC. Package storetest holds
// the tests that every implementation passes.
type Store interface {
	// AddUsage adds the counts of a batch to what is stored, all or none, durably. A batch whose number is not above that of
	// the last one that was added of its source changes nothing, and is no error: after an error it is not known whether the
	// batch was added, and the caller adds it once more.
	AddUsage(ctx context.Context, batch Batch) error

	// ReadUsage returns the rows that the filter selects, in any order; with the company, the dimensions of By, and no other
	// field of the key. Without [ByHour] and [ByDay] their hour is zero; with [ByDay] alone it is the beginning of the day. It
	// fails with ErrTooMany. It may see a batch that is added meanwhile in part of the hours only.
	ReadUsage(ctx context.Context, filter Filter) ([]Row, error)

	// SweepUsage removes rows of hours that begin before a time, and sources whose last batch was made before it, this many at
	// most. It reports whether there are more.
	SweepUsage(ctx context.Context, before time.Time, limit int) (more bool, err error)
}

// Sums sums up rows as a filter says. It is not safe for concurrent use.
type Sums struct {
	filter Filter
	counts map[group]*Counts
}

// group is what the rows of one sum have in common.
type group struct {
	hour int64 // in Unix seconds; 0: the sum is over all hours
	key  Key
}

// NewSums returns sums of nothing.
func NewSums(filter Filter) *Sums { return &Sums{filter: filter, counts: make(map[group]*Counts)} }

// Add adds a row, unless the filter leaves it out. It fails with ErrTooMany.
func (s *Sums) Add(row *Row) error {
	f := &s.filter
	if row.Hour.Before(f.From) || !row.Hour.Before(f.To) || f.Company != "" && row.Company != f.Company || f.User != "" && row.User != f.User {
		return nil
	}
	sum := f.By.groupOf(row)
	counts := s.counts[sum]
	if counts == nil {
		if f.Most > 0 && len(s.counts) >= f.Most {
			return ErrTooMany
		}
		counts = new(Counts)
		s.counts[sum] = counts
	}
	counts.Add(&row.Counts)
	return nil
}

func (d Dimensions) groupOf(row *Row) group {
	sum := group{key: Key{Company: row.Company}}
	switch {
	case d&ByHour != 0:
		sum.hour = row.Hour.Unix()
	case d&ByDay != 0:
		sum.hour = row.Hour.UTC().Truncate(24 * time.Hour).Unix()
	}
	if d&ByUser != 0 {
		sum.key.User = row.User
	}
	if d&ByKey != 0 {
		sum.key.KeyID = row.KeyID
	}
	if d&ByEndpoint != 0 {
		sum.key.Endpoint = row.Endpoint
	}
	return sum
}

// Rows returns the sums, in any order.
func (s *Sums) Rows() []Row {
	rows := make([]Row, 0, len(s.counts))
	for sum, counts := range s.counts {
		row := Row{Key: sum.key, Counts: *counts}
		if sum.hour != 0 {
			row.Hour = time.Unix(sum.hour, 0).UTC()
		}
		rows = append(rows, row)
	}
	return rows
}

// seed takes over sums that were made under the same filter.
func (s *Sums) seed(rows []Row) {
	for i := range rows {
		hour := int64(0)
		if !rows[i].Hour.IsZero() {
			hour = rows[i].Hour.Unix()
		}
		s.counts[group{hour, rows[i].Key}] = &rows[i].Counts
	}
}
