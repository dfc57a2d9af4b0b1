package pgstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Tables that grow with time are cut into partitions by it, which retention drops as a whole. A job's ID begins with the second
// in which it was made, so that a range of IDs is a range of time; what a job keeps elsewhere is found by the same ID. IDs for
// which there is no partition, from a server whose clock is wrong for instance, lie in the table's rest.

const (
	// partitionLength is how much time a partition holds.
	partitionLength = 24 * time.Hour

	// partitionsAhead is how many are made before their time comes.
	partitionsAhead = 2

	// partitionEvery is how often partitions are looked after.
	partitionEvery = 10 * time.Minute

	// lateness is how long after the end of a partition new IDs of it may still be made, by a clock that is behind.
	lateness = time.Hour
)

// partitioned are the tables, in the order in which their partitions are dropped: jobs say whether the others are needed.
var partitioned = []string{"chunks", "deliveries", "jobs"}

// partition is a range of IDs, by the second at which it begins.
type partition struct{ begin, end uint32 }

func (p partition) from() []byte { return binary.BigEndian.AppendUint32(nil, p.begin) }
func (p partition) to() []byte   { return binary.BigEndian.AppendUint32(nil, p.end) }

// suffix ends the names of the partition's tables.
func (p partition) suffix() string { return fmt.Sprintf("_p%08x", p.begin) }

// partitionAt is the partition that holds a second.
func partitionAt(second int64) partition {
	length := int64(partitionLength / time.Second)
	begin := second - second%length
	return partition{begin: uint32(begin), end: uint32(begin + length)}
}

// partition makes the partitions that are to come, drops those that nobody needs, and finds out of which the chunks need not be
// removed one by one. What fails is tried again later: the rest takes what has no partition.
func (s *Store) partition(ctx context.Context, clock time.Time) error {
	var now int64
	err := s.read(ctx, func(ctx context.Context, q querier) error {
		return q.QueryRow(ctx, s.sql(`SELECT coalesce($1, data_api.now_ns()) / 1000000000`), s.clock(clock)).Scan(&now)
	})
	if err != nil {
		return err
	}
	var faults []error
	for ahead := range partitionsAhead + 1 {
		p := partitionAt(now + int64(ahead)*int64(partitionLength/time.Second))
		for _, table := range partitioned {
			faults = append(faults, s.makePartition(ctx, table, p))
		}
	}
	for _, table := range partitioned {
		faults = append(faults, s.dropPartitions(ctx, table, now))
	}
	faults = append(faults, s.findSpared(ctx, now))
	return errors.Join(faults...)
}

// makePartition makes a partition unless it is there, or there are IDs of it in the rest.
func (s *Store) makePartition(ctx context.Context, table string, p partition) error {
	known, err := s.partitionsOf(ctx, table)
	if err != nil || slices.Contains(known, p) {
		return err
	}
	name := table + p.suffix()
	// Storage and the other settings of columns are the parent's; those of tables are not.
	err = s.alter(ctx, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS data_api.%s PARTITION OF data_api.%s FOR VALUES FROM ('\x%x') TO ('\x%x')`,
		name, table, p.from(), p.to()), nil)
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok && failure.Code == "23514" { // check_violation: the rest has some
		return nil
	}
	return err
}

// dropPartitions drops the partitions of a table whose time is over and of whose jobs none is left.
func (s *Store) dropPartitions(ctx context.Context, table string, now int64) error {
	known, err := s.partitionsOf(ctx, table)
	if err != nil {
		return err
	}
	jobs, err := s.partitionsOf(ctx, "jobs")
	if err != nil {
		return err
	}
	for _, p := range known {
		if int64(p.end)+int64(lateness/time.Second) > now {
			continue
		}
		lock := ""
		if slices.Contains(jobs, p) {
			lock = `LOCK TABLE data_api.jobs` + p.suffix() + ` IN SHARE MODE` // so that no job comes in between
		}
		used := false
		err := s.alter(ctx, `DROP TABLE data_api.`+table+p.suffix(), func(ctx context.Context, tx pgx.Tx) (skip bool, err error) {
			if _, err := tx.Exec(ctx, s.sql(lock)); lock != "" && err != nil {
				return true, err
			}
			err = tx.QueryRow(ctx, s.sql(`SELECT EXISTS (SELECT FROM data_api.jobs WHERE id >= $1 AND id < $2)`), p.from(), p.to()).Scan(&used)
			return used, err
		})
		if err != nil {
			return err
		}
		if !used {
			s.log.Info("a partition of the store was dropped: all in it has expired", slog.String("table", table+p.suffix()))
		}
	}
	return nil
}

// findSpared finds the partitions whose time is over and that will be dropped soon, when their last job expires: their chunks
// go with them.
func (s *Store) findSpared(ctx context.Context, now int64) error {
	known, err := s.partitionsOf(ctx, "chunks")
	if err != nil {
		return err
	}
	var spared []partition
	for _, p := range known {
		if int64(p.end) > now {
			continue
		}
		var last *int64
		var unfinished bool
		err := s.read(ctx, func(ctx context.Context, q querier) error {
			return q.QueryRow(ctx, s.sql(`SELECT (SELECT max(expires) FROM data_api.jobs WHERE id >= $1 AND id < $2 AND expires IS NOT NULL),
				EXISTS (SELECT FROM data_api.queue WHERE id >= $1 AND id < $2)`), p.from(), p.to()).Scan(&last, &unfinished)
		})
		if err != nil {
			return err
		}
		if !unfinished && last != nil && *last/int64(time.Second) <= now+int64(partitionLength/time.Second) {
			spared = append(spared, p)
		}
	}
	s.spared.Store(&spared)
	return nil
}

// sparedRanges are the parameters of a statement that leaves the chunks of some partitions.
func (s *Store) sparedRanges() (from, to [][]byte) {
	if spared := s.spared.Load(); spared != nil {
		for _, p := range *spared {
			from, to = append(from, p.from()), append(to, p.to())
		}
	}
	return from, to
}

// partitionsOf returns the partitions of a table, but for the rest.
func (s *Store) partitionsOf(ctx context.Context, table string) (found []partition, err error) {
	err = s.read(ctx, func(ctx context.Context, q querier) error {
		rows, err := q.Query(ctx, `SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = $1::text::regclass ORDER BY 1`, s.options.Schema+"."+table)
		if err != nil {
			return err
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		found = nil
		for _, name := range names {
			digits, ok := strings.CutPrefix(name, table+"_p")
			if begin, err := strconv.ParseUint(digits, 16, 32); ok && err == nil {
				found = append(found, partition{begin: uint32(begin), end: uint32(begin) + uint32(partitionLength/time.Second)})
			}
		}
		return err
	})
	return found, err
}

// alter runs a statement that changes tables, unless check, which looks under the same lock, says that it is to be skipped. It
// gives up soon where it would have to wait, since whoever comes later would wait behind it.
func (s *Store) alter(ctx context.Context, statement string, check func(ctx context.Context, tx pgx.Tx) (skip bool, err error)) error {
	return s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '300ms'`); err != nil {
			return err
		}
		var mine bool // two servers that do the same would only wait for each other
		err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, lockKey(s.options.Schema+" partitions")).Scan(&mine)
		if err != nil || !mine {
			return err
		}
		if check != nil {
			if skip, err := check(ctx, tx); err != nil || skip {
				return err
			}
		}
		_, err = tx.Exec(ctx, s.sql(statement))
		return err
	})
}

// lookAfterPartitions does so now and then, but in tests in which time is what callers say. What fails is logged.
func (s *Store) lookAfterPartitions(ctx context.Context, now time.Time) {
	if s.options.callersClock {
		return
	}
	last := s.partitionedAt.Load()
	if last != nil && time.Since(*last) < partitionEvery || !s.partitionedAt.CompareAndSwap(last, new(time.Now())) {
		return
	}
	if err := s.partition(ctx, now); err != nil && ctx.Err() == nil {
		s.log.Warn("partitions of the store could not all be made or dropped; it is tried again", slog.Any("error", err))
	}
}
