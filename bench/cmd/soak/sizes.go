package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
)

// sample is what is seen at one time.
type sample struct {
	after      time.Duration
	jobs       int64 // rows that are kept, as the statistics have them
	sizes      map[string]int64
	dead       int64
	partitions int
	wal        int64 // bytes since the beginning
	ended      int64
}

// groups are what tables are shown as: partitions count with their parents.
var groups = []string{"jobs", "chunks", "deliveries", "queue", "tallies", "idempotency_keys", "rest"}

func (s *sample) total() (sum int64) {
	for _, size := range s.sizes {
		sum += size
	}
	return sum
}

// observer looks at the database beside the load.
type observer struct {
	conn    *pgx.Conn
	samples []sample
	begun   time.Time
	wal     string // where the log was at the beginning
}

func newObserver(ctx context.Context, dsn string) (*observer, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	o := &observer{conn: conn, begun: time.Now()}
	return o, conn.QueryRow(ctx, `SELECT pg_current_wal_lsn()::text`).Scan(&o.wal)
}

func (o *observer) close() { _ = o.conn.Close(context.Background()) }

// watch prints a line each minute until ctx ends.
func (o *observer) watch(ctx context.Context, w *load) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "minute\taccepted/s\tended/s\tmedian\tp99\tMB: %s\tall\trows of jobs\tdead rows\tpartitions\t"+
		"WAL of a job\t\n", strings.Join(groups, "\t"))
	var last sample
	var accepted int64
	for ticker := time.Tick(time.Minute); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker:
		}
		now, err := o.look(context.WithoutCancel(ctx), w)
		if err != nil {
			return err
		}
		span := (now.after - last.after).Seconds()
		median, p99 := w.takeTimes()
		all := w.accepted.Load()
		fmt.Fprintf(table, "%.0f\t%.0f\t%.0f\t%.1f ms\t%.0f ms\t", now.after.Minutes(), float64(all-accepted)/span,
			float64(now.ended-last.ended)/span, float64(median)/1e6, float64(p99)/1e6)
		for _, group := range groups {
			fmt.Fprintf(table, "%.1f\t", float64(now.sizes[group])/1e6)
		}
		fmt.Fprintf(table, "%.1f\t%d\t%d\t%d\t%.1f KB\t\n", float64(now.total())/1e6, now.jobs, now.dead, now.partitions,
			float64(now.wal-last.wal)/1e3/float64(max(now.ended-last.ended, 1)))
		if err := table.Flush(); err != nil {
			return err
		}
		accepted, last = all, now
		o.samples = append(o.samples, now)
		if err := w.fault(); err != nil {
			return err
		}
	}
}

func (o *observer) look(ctx context.Context, w *load) (sample, error) {
	now := sample{after: time.Since(o.begun), sizes: make(map[string]int64), ended: w.ended.Load()}
	err := o.conn.QueryRow(ctx, `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1::text::pg_lsn)::bigint`, o.wal).Scan(&now.wal)
	if err != nil {
		return now, err
	}
	rows, err := o.conn.Query(ctx, `SELECT c.relname::text, pg_total_relation_size(c.oid), coalesce(s.n_live_tup, 0), coalesce(s.n_dead_tup, 0)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
		WHERE n.nspname = 'data_api' AND c.relkind = 'r'`)
	if err != nil {
		return now, err
	}
	var name string
	var size, live, dead int64
	_, err = pgx.ForEachRow(rows, []any{&name, &size, &live, &dead}, func() error {
		group, ok := groupOf(name)
		if !ok {
			group = "rest"
		}
		now.sizes[group] += size
		now.dead += dead
		if group == "jobs" {
			now.jobs += live
			now.partitions++
		}
		return nil
	})
	return now, err
}

// groupOf is the table that a table is a partition of, or is itself.
func groupOf(name string) (string, bool) {
	for _, group := range groups {
		if name == group || strings.HasPrefix(name, group+"_p") || name == group+"_rest" {
			return group, true
		}
	}
	return "", false
}

// flatWithin is by how much the later half may be larger than the earlier one.
const flatWithin = 1.1

// verdict says whether sizes have stayed what they were once the first age was over: it compares the largest of the earlier half of
// what came then with that of the later half. Sizes go up and down as partitions come and go.
func (o *observer) verdict(age time.Duration) error {
	var steady []sample
	for _, s := range o.samples {
		if s.after > age {
			steady = append(steady, s)
		}
	}
	if len(steady) < 10 {
		return errors.New("it was too short to say whether sizes are flat")
	}
	earlier, later := largest(steady[:len(steady)/2]), largest(steady[len(steady)/2:])
	first, last := steady[0], steady[len(steady)-1]
	fmt.Printf("\nAfter the first %s: at most %.1f MB in the earlier half of what came then, %.1f MB in the later; WAL of a job %.1f KB in all.\n",
		age, float64(earlier)/1e6, float64(later)/1e6, float64(last.wal-first.wal)/1e3/float64(max(last.ended-first.ended, 1)))
	if float64(later) > flatWithin*float64(earlier) {
		return errors.New("sizes grow")
	}
	fmt.Println("Sizes are flat.")
	return nil
}

func largest(samples []sample) (most int64) {
	for _, s := range samples {
		most = max(most, s.total())
	}
	return most
}
