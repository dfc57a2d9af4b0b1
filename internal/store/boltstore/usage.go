package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

var (
	// usageBucket holds what was counted in an hour: by usageKey, as the varints of [usage.Counts] without the zeros at the end.
	usageBucket = layout.Bucket("usage", describeUsage)
	// usageSourceBucket holds the last batch of each source of usage: its number and its time in Unix seconds, big-endian.
	// Without it a batch could be added twice that a server adds again; a server that has ended adds none.
	usageSourceBucket = layout.Dispensable("usage_sources", boltfile.Named("the last usage of server"))
)

var _ usage.Store = (*Store)(nil)

// usageBatch is how many records one transaction looks at.
const usageBatch = 2000

const usageHour = 4 // the length of the hour at the beginning of a usageKey

// usageKey sorts by hour, and by company inside an hour. No name holds a zero byte.
func usageKey(row *usage.Row) []byte {
	e := row.Endpoint
	return append(hourKey(row.Hour), strings.Join([]string{row.Company, row.User, row.KeyID, e.Company, e.Namespace, e.Slug}, "\x00")...)
}

// hourKey is the beginning of the keys of an hour, in hours since 1970. Times that are out of its range are at its ends.
func hourKey(at time.Time) []byte {
	hours := (at.Unix() + 3599) / 3600 // the first that begins then or later
	return binary.BigEndian.AppendUint32(nil, uint32(min(max(hours, 0), 1<<32-1)))
}

func parseUsageKey(key []byte) (row usage.Row, ok bool) {
	if len(key) < usageHour {
		return usage.Row{}, false
	}
	row.Hour = time.Unix(int64(binary.BigEndian.Uint32(key))*3600, 0).UTC()
	names := strings.Split(string(key[usageHour:]), "\x00")
	if len(names) != 6 {
		return usage.Row{}, false
	}
	row.Key = usage.Key{
		Company: names[0], User: names[1], KeyID: names[2],
		Endpoint: dataapi.Address{Company: names[3], Namespace: names[4], Slug: names[5]},
	}
	return row, true
}

func describeUsage(key []byte) string {
	row, ok := parseUsageKey(key)
	if !ok {
		return fmt.Sprintf("usage %x", key)
	}
	return fmt.Sprintf("the usage of %s/%s in the hour of %s", row.Company, row.User, row.Hour.Format(time.RFC3339))
}

// AddUsage implements [usage.Store].
func (s *Store) AddUsage(ctx context.Context, batch usage.Batch) error {
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		source := []byte(batch.Source)
		last, err := in(tx, usageSourceBucket).Get(source)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return boltfile.Refuse(err)
		}
		if len(last) == 16 && binary.BigEndian.Uint64(last) >= batch.Number {
			return nil
		}
		for i := range batch.Rows {
			if err := s.addUsageRow(tx, batch.Rows[i]); err != nil {
				return err
			}
		}
		value := binary.BigEndian.AppendUint64(nil, batch.Number)
		return in(tx, usageSourceBucket).Put(source, binary.BigEndian.AppendUint64(value, uint64(batch.At.Unix())))
	})
}

func (s *Store) addUsageRow(tx *bbolt.Tx, row usage.Row) error {
	key := usageKey(&row)
	stored, err := in(tx, usageBucket).Get(key)
	if err == nil && stored != nil {
		var before usage.Counts
		if before, err = decodeCounts(key, stored); err == nil {
			row.Counts.Add(&before)
		}
	}
	if errors.Is(err, ErrDamaged) {
		s.ReportDamage(err) // what it held is lost; what comes is counted
		err = nil
	}
	if err != nil {
		return err
	}
	return in(tx, usageBucket).Put(key, encodeCounts(&row.Counts))
}

func encodeCounts(counts *usage.Counts) []byte {
	var value, whole []byte
	for _, n := range counts {
		if value = binary.AppendUvarint(value, uint64(n)); n != 0 {
			whole = value
		}
	}
	return whole
}

func decodeCounts(key, value []byte) (counts usage.Counts, err error) {
	for field := 0; len(value) > 0; field++ {
		n, size := binary.Uvarint(value)
		if size <= 0 || field >= len(counts) {
			return usage.Counts{}, layout.Damaged(usageBucket, key, "its counts cannot be read")
		}
		counts[field], value = int64(n), value[size:]
	}
	return counts, nil
}

// ReadUsage implements [usage.Store].
func (s *Store) ReadUsage(ctx context.Context, filter usage.Filter) ([]usage.Row, error) {
	sums, end := usage.NewSums(filter), hourKey(filter.To)
	for from := hourKey(filter.From); from != nil; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := s.View(func(tx *bbolt.Tx) (err error) {
			from, err = s.sumUsage(tx, sums, filter.Company, from, end)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return sums.Rows(), nil
}

// sumUsage adds some records from a key on and before another, and returns from where it goes on; nil: it does not.
func (s *Store) sumUsage(tx *bbolt.Tx, sums *usage.Sums, company string, from, end []byte) ([]byte, error) {
	records := in(tx, usageBucket)
	cursor := records.Cursor()
	key, sealed := cursor.Seek(from)
	for range usageBatch {
		if key == nil || bytes.Compare(key, end) >= 0 {
			return nil, nil
		}
		if next := skipTo(key, company); next != nil {
			key, sealed = cursor.Seek(next)
			continue
		}
		row, ok := parseUsageKey(key)
		value, err := records.Open(key, sealed)
		if err == nil && !ok {
			err = layout.Damaged(usageBucket, key, "its key cannot be read")
		}
		if err == nil {
			row.Counts, err = decodeCounts(key, value)
		}
		switch {
		case errors.Is(err, ErrDamaged):
			s.ReportDamage(err) // the rest is worth knowing all the same
		case err != nil:
			return nil, err
		default:
			if err := sums.Add(&row); err != nil {
				return nil, err
			}
		}
		key, sealed = cursor.Next()
	}
	return bytes.Clone(key), nil
}

// skipTo returns where the records of a company go on, when a key is not one of them; nil: it is.
func skipTo(key []byte, company string) []byte {
	if company == "" || len(key) < usageHour {
		return nil
	}
	hour, wanted := binary.BigEndian.Uint32(key), company+"\x00"
	rest := string(key[usageHour:])
	switch {
	case strings.HasPrefix(rest, wanted):
		return nil
	case rest < wanted:
		return append(bytes.Clone(key[:usageHour]), wanted...)
	}
	return append(binary.BigEndian.AppendUint32(nil, hour+1), wanted...)
}

// SweepUsage implements [usage.Store].
func (s *Store) SweepUsage(ctx context.Context, before time.Time, limit int) (more bool, err error) {
	due := false // looking first spares a commit when there is nothing to do
	err = s.View(func(tx *bbolt.Tx) error {
		due = len(oldUsage(tx, before, 1)) > 0 || len(oldSources(tx, before, 1)) > 0
		return nil
	})
	if err != nil || !due {
		return false, err
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		rows := oldUsage(tx, before, limit)
		sources := oldSources(tx, before, limit-len(rows))
		more = len(rows)+len(sources) == limit
		for _, key := range rows {
			if err := in(tx, usageBucket).Delete(key); err != nil {
				return err
			}
		}
		for _, key := range sources {
			if err := in(tx, usageSourceBucket).Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
	return more, err
}

func oldUsage(tx *bbolt.Tx, before time.Time, limit int) (keys [][]byte) {
	end, cursor := hourKey(before), in(tx, usageBucket).Cursor()
	for key, _ := cursor.First(); key != nil && bytes.Compare(key, end) < 0 && len(keys) < limit; key, _ = cursor.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	return keys
}

// oldSources looks at all sources: there is one for each start of a server within the time that usage is kept.
func oldSources(tx *bbolt.Tx, before time.Time, limit int) (keys [][]byte) {
	records := in(tx, usageSourceBucket)
	cursor := records.Cursor()
	for key, sealed := cursor.First(); key != nil && len(keys) < limit; key, sealed = cursor.Next() {
		value, err := records.Open(key, sealed)
		if err != nil || len(value) != 16 || int64(binary.BigEndian.Uint64(value[8:])) < before.Unix() {
			keys = append(keys, bytes.Clone(key))
		}
	}
	return keys
}
