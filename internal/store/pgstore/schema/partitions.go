package schema

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// Tables that grow with time are cut into partitions by it, which retention drops as a whole. A job's ID begins with the second
// in which it was made, so that a range of IDs is a range of time; what a job keeps elsewhere is found by the same ID. IDs for
// which there is no partition, from a server whose clock is wrong for instance, lie in the table's rest.

// partitionsAhead is how many partitions are made before their time comes.
const partitionsAhead = 2

// Rhythm says how time is cut. All servers of a schema must have the same, for good; only tests that let an age pass in an hour have
// another than the default.
type Rhythm struct {
	Length   time.Duration // how much time a partition holds, in whole seconds
	Every    time.Duration // how often partitions are looked after
	Lateness time.Duration // how long after the end of a partition new IDs of it may still be made, by a clock that is behind
}

// DefaultRhythm is that of every store.
var DefaultRhythm = Rhythm{Length: 24 * time.Hour, Every: 10 * time.Minute, Lateness: time.Hour}

// Partitions looks after the partitions of a schema. It is safe for concurrent use.
type Partitions struct {
	db       *pgdb.DB
	log      *slog.Logger
	rhythm   Rhythm
	lookedAt atomic.Pointer[time.Time]
	spared   atomic.Pointer[[]partition] // whose chunks need not be removed one by one
}

// NewPartitions returns what looks after the partitions of a schema.
func NewPartitions(db *pgdb.DB, rhythm Rhythm, log *slog.Logger) *Partitions {
	return &Partitions{db: db, log: log, rhythm: rhythm}
}

// partitioned are the tables, in the order in which their partitions are dropped: jobs say whether the others are needed.
var partitioned = []string{"chunks", "deliveries", "jobs"}

// partition is a range of IDs, by the second at which it begins.
type partition struct{ begin, end uint32 }

func (p partition) from() []byte { return binary.BigEndian.AppendUint32(nil, p.begin) }
func (p partition) to() []byte   { return binary.BigEndian.AppendUint32(nil, p.end) }

// suffix ends the names of the partition's tables.
func (p partition) suffix() string { return fmt.Sprintf("_p%08x", p.begin) }

// at is the partition that holds a second.
func (t *Partitions) at(second int64) partition {
	length := t.seconds()
	begin := second - second%length
	return partition{begin: uint32(begin), end: uint32(begin + length)}
}

func (t *Partitions) seconds() int64 { return int64(t.rhythm.Length / time.Second) }

// LookAfter makes the partitions that are to come, drops those that nobody needs, and finds out of which the chunks need not be
// removed one by one. What fails is tried again later: the rest takes what has no partition. clock is the time in tests that have one of
// their own, or else nil.
func (t *Partitions) LookAfter(ctx context.Context, clock *int64) error {
	var now int64
	err := t.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		return q.QueryRow(ctx, t.db.SQL(`SELECT coalesce($1, data_api.now_ns()) / 1000000000`), clock).Scan(&now)
	})
	if err != nil {
		return err
	}
	var faults []error
	for ahead := range partitionsAhead + 1 {
		p := t.at(now + int64(ahead)*t.seconds())
		for _, table := range partitioned {
			faults = append(faults, t.makePartition(ctx, table, p))
		}
	}
	for _, table := range partitioned {
		faults = append(faults, t.dropPartitions(ctx, table, now))
	}
	faults = append(faults, t.findSpared(ctx, now))
	return errors.Join(faults...)
}

// makePartition makes a partition unless it is there, or there are IDs of it in the rest.
func (t *Partitions) makePartition(ctx context.Context, table string, p partition) error {
	known, err := t.partitionsOf(ctx, table)
	if err != nil || slices.Contains(known, p) {
		return err
	}
	name := table + p.suffix()
	// Storage and the other settings of columns are the parent's; those of tables are not.
	err = t.alter(ctx, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS data_api.%s PARTITION OF data_api.%s FOR VALUES FROM ('\x%x') TO ('\x%x')`,
		name, table, p.from(), p.to()), nil)
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok && failure.Code == "23514" { // check_violation: the rest has some
		return nil
	}
	return err
}

// dropPartitions drops the partitions of a table whose time is over and of whose jobs none is left.
func (t *Partitions) dropPartitions(ctx context.Context, table string, now int64) error {
	known, err := t.partitionsOf(ctx, table)
	if err != nil {
		return err
	}
	jobs, err := t.partitionsOf(ctx, "jobs")
	if err != nil {
		return err
	}
	for _, p := range known {
		if int64(p.end)+int64(t.rhythm.Lateness/time.Second) > now {
			continue
		}
		lock := ""
		if slices.Contains(jobs, p) {
			lock = `LOCK TABLE data_api.jobs` + p.suffix() + ` IN SHARE MODE` // so that no job comes in between
		}
		used := false
		err := t.alter(ctx, `DROP TABLE data_api.`+table+p.suffix(), func(ctx context.Context, tx pgx.Tx) (skip bool, err error) {
			if _, err := tx.Exec(ctx, t.db.SQL(lock)); lock != "" && err != nil {
				return true, err
			}
			err = tx.QueryRow(ctx, t.db.SQL(`SELECT EXISTS (SELECT FROM data_api.jobs WHERE id >= $1 AND id < $2)`), p.from(), p.to()).Scan(&used)
			return used, err
		})
		if err != nil {
			return err
		}
		if !used {
			t.log.Info("a partition of the store was dropped: all in it has expired", slog.String("table", table+p.suffix()))
		}
	}
	return nil
}

// findSpared finds the partitions whose time is over and that will be dropped soon, when their last job expires: their chunks
// go with them.
func (t *Partitions) findSpared(ctx context.Context, now int64) error {
	known, err := t.partitionsOf(ctx, "chunks")
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
		err := t.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
			return q.QueryRow(ctx, t.db.SQL(`SELECT (SELECT max(expires) FROM data_api.jobs WHERE id >= $1 AND id < $2 AND expires IS NOT NULL),
				EXISTS (SELECT FROM data_api.queue WHERE id >= $1 AND id < $2)`), p.from(), p.to()).Scan(&last, &unfinished)
		})
		if err != nil {
			return err
		}
		if !unfinished && last != nil && *last/int64(time.Second) <= now+t.seconds() {
			spared = append(spared, p)
		}
	}
	t.spared.Store(&spared)
	return nil
}

// SparedRanges are the parameters of a statement that leaves the chunks of some partitions.
func (t *Partitions) SparedRanges() (from, to [][]byte) {
	if spared := t.spared.Load(); spared != nil {
		for _, p := range *spared {
			from, to = append(from, p.from()), append(to, p.to())
		}
	}
	return from, to
}

// partitionsOf returns the partitions of a table, but for the rest.
func (t *Partitions) partitionsOf(ctx context.Context, table string) (found []partition, err error) {
	err = t.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, `SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = $1::text::regclass ORDER BY 1`, t.db.Schema+"."+table)
		if err != nil {
			return err
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		found = nil
		for _, name := range names {
			digits, ok := strings.CutPrefix(name, table+"_p")
			if begin, err := strconv.ParseUint(digits, 16, 32); ok && err == nil {
				found = append(found, partition{begin: uint32(begin), end: uint32(begin) + uint32(t.seconds())})
			}
		}
		return err
	})
	return found, err
}

// lockWaits are how long a change of tables waits for a lock, one try after the other: others who come later wait behind it, so that it is
// short where that does, and longer on a database that is so busy that some statement always lasts longer than that. The last is longer
// than PostgreSQL needs to end an autovacuum that is in the way.
var lockWaits = []time.Duration{300 * time.Millisecond, time.Second, 2500 * time.Millisecond}

// alter runs a statement that changes tables, unless check, which looks under the same lock, says that it is to be skipped.
func (t *Partitions) alter(ctx context.Context, statement string, check func(ctx context.Context, tx pgx.Tx) (skip bool, err error)) (err error) {
	for _, wait := range lockWaits {
		err = t.alterOnce(ctx, wait, statement, check)
		failure, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || failure.Code != "55P03" { // lock_not_available
			return err
		}
	}
	return err
}

func (t *Partitions) alterOnce(
	ctx context.Context, wait time.Duration, statement string, check func(ctx context.Context, tx pgx.Tx) (skip bool, err error),
) error {
	return t.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = %d`, wait.Milliseconds())); err != nil {
			return err
		}
		var mine bool // two servers that do the same would only wait for each other
		err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, t.db.LockKey(" partitions")).Scan(&mine)
		if err != nil || !mine {
			return err
		}
		if check != nil {
			if skip, err := check(ctx, tx); err != nil || skip {
				return err
			}
		}
		_, err = tx.Exec(ctx, t.db.SQL(statement))
		return err
	})
}

// LookAfterInTime does so now and then, when it is called often. What fails is logged.
func (t *Partitions) LookAfterInTime(ctx context.Context) {
	last := t.lookedAt.Load()
	if last != nil && time.Since(*last) < t.rhythm.Every || !t.lookedAt.CompareAndSwap(last, new(time.Now())) {
		return
	}
	if err := t.LookAfter(ctx, nil); err != nil && ctx.Err() == nil {
		t.log.Warn("partitions of the store could not all be made or dropped; it is tried again", slog.Any("error", err))
	}
}

// MakeFor makes the partitions that these IDs belong into.
func (t *Partitions) MakeFor(ctx context.Context, ids iter.Seq[[]byte]) error {
	made := make(map[partition]bool)
	for id := range ids {
		p := t.at(int64(binary.BigEndian.Uint32(id)))
		if made[p] {
			continue
		}
		made[p] = true
		for _, table := range partitioned {
			if err := t.makePartition(ctx, table, p); err != nil {
				return err
			}
		}
	}
	return nil
}
