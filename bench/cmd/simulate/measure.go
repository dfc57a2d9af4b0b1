package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
)

// cost is what something costs the database.
type cost struct {
	cpu float64 // seconds of a core
	wal float64 // bytes
}

func (c cost) minus(o cost) cost          { return cost{c.cpu - o.cpu, c.wal - o.wal} }
func (c cost) times(n float64) cost       { return cost{c.cpu * n, c.wal * n} }
func (c cost) atLeast(least float64) cost { return cost{max(c.cpu, least), max(c.wal, 0)} }

// fitted is the cost of a statement that does several things at once.
type fitted struct{ base, each cost }

// fit is the line through what n things cost in so many statements each.
func fit(few cost, nFew float64, many cost, nMany float64) fitted {
	each := many.minus(few).times(1 / (nMany - nFew)).atLeast(1e-6)
	return fitted{base: few.minus(each.times(nFew)).atLeast(1e-6), each: each}
}

func (f fitted) of(n int) float64 { return f.base.cpu + float64(n)*f.each.cpu }

// costs are all that a simulation needs.
type costs struct {
	follow                   cost // of a second
	lookJobs, lookDeliveries cost
	notify, hear             cost
	accept, claim            fitted
	store, end               fitted
	flush                    float64 // seconds
}

const (
	manyClients = 64
	listeners   = 50
	followers   = 40
)

// lab is a store on a database of its own, and what is seen of it.
type lab struct {
	s      *pgstore.Store
	conn   *pgx.Conn
	dsn    string
	parent int // the process whose children are the database
	result []byte
	times  int
	number atomic.Int64
}

func measure(ctx context.Context, dsn string, result int, quick bool) (*costs, error) {
	s, err := pgstore.Open(ctx, dsn, pgstore.Options{MaxConns: 32, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	l := &lab{s: s, conn: conn, dsn: dsn, result: make([]byte, result), times: 4000}
	if quick {
		l.times = 400
	}
	var own int
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&own); err != nil {
		return nil, err
	}
	if l.parent, _, err = processOf(own); err != nil {
		return nil, err
	}
	c := new(costs)
	for _, step := range []func(context.Context, *costs) error{l.questions, l.jobs, l.signals, l.servers} {
		if err := step(ctx, c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// processOf reads the parent of a process, and its processor time in seconds.
func processOf(pid int) (parent int, cpu float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	parent, err = strconv.Atoi(fields[1])
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return parent, float64(user+system) / 100, err // USER_HZ is 100 on Linux, always
}

// reading is what the database has used until now.
type reading struct {
	cpu float64
	wal int64
}

func (l *lab) read(ctx context.Context) (r reading, err error) {
	if err := l.conn.QueryRow(ctx, `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint`).Scan(&r.wal); err != nil {
		return r, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return r, err
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			if parent, cpu, err := processOf(pid); err == nil && parent == l.parent {
				r.cpu += cpu
			}
		}
	}
	return r, nil
}

// of returns what n things cost, each.
func (l *lab) of(ctx context.Context, n int, work func() error) (cost, error) {
	before, err := l.read(ctx)
	if err != nil {
		return cost{}, err
	}
	if err := work(); err != nil {
		return cost{}, err
	}
	after, err := l.read(ctx)
	return cost{cpu: (after.cpu - before.cpu) / float64(n), wal: float64(after.wal-before.wal) / float64(n)}, err
}

func (l *lab) repeat(n int, once func() error) func() error {
	return func() error {
		for range n {
			if err := once(); err != nil {
				return err
			}
		}
		return nil
	}
}

// questions measures what a server asks that has nothing to do.
func (l *lab) questions(ctx context.Context, c *costs) (err error) {
	c.lookJobs, err = l.of(ctx, l.times, l.repeat(l.times, func() error {
		now := time.Now()
		_, _, err := l.s.Claim(ctx, "server", now, now.Add(time.Minute), job.Capacity{Jobs: 4, PerCompany: 3})
		return err
	}))
	if err != nil {
		return err
	}
	c.lookDeliveries, err = l.of(ctx, l.times, l.repeat(l.times, func() error {
		now := time.Now()
		_, _, err := l.s.ClaimDeliveries(ctx, now, now.Add(time.Minute), callback.Capacity{Deliveries: 4, PerHost: 4})
		return err
	}))
	return err
}

// jobs measures what jobs cost from one client and from many: these share statements.
func (l *lab) jobs(ctx context.Context, c *costs) error {
	accept := func(client int) error {
		return l.s.Accept(ctx, l.newJob(client), job.Quota{Waiting: 1 << 30, Kept: 1 << 50})
	}
	var claimed []job.Job
	claim := func(n int) func() error {
		return func() error {
			now := time.Now()
			jobs, _, err := l.s.Claim(ctx, "server", now, now.Add(time.Hour), job.Capacity{Jobs: n})
			if err == nil && len(jobs) != n {
				err = fmt.Errorf("%d jobs were claimed, not %d", len(jobs), n)
			}
			claimed = append(claimed, jobs...)
			return err
		}
	}
	keep := func(i int) error {
		return l.s.AppendChunks(ctx, claimed[i].ID, claimed[i].Attempt, 0, [][]byte{l.result})
	}
	end := func(i int) error {
		now := time.Now()
		changed, err := l.s.Finish(ctx, claimed[i].ID, claimed[i].Attempt, job.Outcome{
			Status: job.Completed, CompletedAt: now, ExpiresAt: now.Add(time.Hour), Result: job.Result{Size: int64(len(l.result)), Chunks: 1},
		})
		if err == nil && !changed {
			err = errors.New("a job was not ended")
		}
		return err
	}
	few, many := l.times/4, l.times*4
	if err := spread(200, manyClients, accept); err != nil { // connections, plans, partitions
		return err
	}
	var waits []time.Duration
	one, err := l.of(ctx, few, func() error {
		return spread(few, 1, func(i int) error {
			begun := time.Now()
			defer func() { waits = append(waits, time.Since(begun)) }()
			return accept(i)
		})
	})
	if err != nil {
		return err
	}
	together, size, err := l.together(ctx, many, accept)
	if err != nil {
		return err
	}
	c.accept = fit(one, 1, together, size)
	slices.Sort(waits)
	c.flush = max(waits[len(waits)/10].Seconds()-one.cpu, 1e-4) // a busy machine lets most wait for other things, too

	if one, err = l.of(ctx, few, l.repeat(few, claim(1))); err != nil {
		return err
	}
	rest := many/16 - few/16
	if together, err = l.of(ctx, rest, l.repeat(rest, claim(16))); err != nil {
		return err
	}
	c.claim = fit(one, 1, together, 16)
	for _, step := range []struct {
		work func(i int) error
		into *fitted
	}{{keep, &c.store}, {end, &c.end}} {
		if one, err = l.of(ctx, few, func() error { return spread(few, 1, step.work) }); err != nil {
			return err
		}
		n := len(claimed) - few
		if together, size, err = l.together(ctx, n, func(i int) error { return step.work(few + i) }); err != nil {
			return err
		}
		*step.into = fit(one, 1, together, size)
	}
	return nil
}

// together measures n writes of many clients, and returns what a statement costs and how many are in one.
func (l *lab) together(ctx context.Context, n int, work func(i int) error) (cost, float64, error) {
	before, err := l.commits(ctx)
	if err != nil {
		return cost{}, 0, err
	}
	each, err := l.of(ctx, n, func() error { return spread(n, manyClients, work) })
	if err != nil {
		return cost{}, 0, err
	}
	after, err := l.commits(ctx)
	size := float64(n) / float64(max(after-before, 1))
	return each.times(size), size, err
}

// commits is how many transactions have written, until now.
func (l *lab) commits(ctx context.Context) (n int64, err error) {
	err = l.conn.QueryRow(ctx, `SELECT pg_current_xact_id()::text::bigint`).Scan(&n)
	return n, err
}

func (l *lab) newJob(int) job.Job {
	n, now := l.number.Add(1), time.Now()
	company := fmt.Sprintf("company-%02d", n%20)
	return job.Job{
		ID: job.NewID(now), Company: company, User: "integration", KeyID: "s42_key", Source: "main", Params: []byte(`{"from":"2026-01-01"}`),
		Address: dataapi.Address{Company: company, Namespace: "default", Slug: "report"}, Status: job.Processing, CreatedAt: now,
	}
}

// spread does work n times, with so many clients at once.
func spread(n, clients int, work func(i int) error) error {
	var next atomic.Int64
	faults := make([]error, clients)
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && faults[client] == nil; i = int(next.Add(1)) - 1 {
				faults[client] = work(i)
			}
		})
	}
	all.Wait()
	return errors.Join(faults...)
}

// signals measures a NOTIFY that nobody hears, and what each that hears it adds.
func (l *lab) signals(ctx context.Context, c *costs) (err error) {
	signal := func() error {
		_, err := l.conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'off', true), pg_notify('data_api', 'none')`)
		return err
	}
	if c.notify, err = l.of(ctx, l.times, l.repeat(l.times, signal)); err != nil {
		return err
	}
	listening, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer end()
	for range listeners {
		conn, err := pgx.Connect(ctx, l.dsn)
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "LISTEN data_api"); err != nil {
			return err
		}
		all.Go(func() {
			defer conn.Close(context.WithoutCancel(ctx))
			for listening.Err() == nil {
				_, _ = conn.WaitForNotification(listening)
			}
		})
	}
	heard, err := l.of(ctx, l.times/4, l.repeat(l.times/4, func() error {
		time.Sleep(2 * time.Millisecond) // else one waking takes in several
		return signal()
	}))
	c.hear = heard.minus(c.notify).times(1.0 / listeners).atLeast(1e-7)
	return err
}

// servers measures what a second of an idle server costs: it asks for changes, and says that it is alive.
func (l *lab) servers(ctx context.Context, c *costs) error {
	following, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer end()
	for range followers {
		s, err := pgstore.Open(ctx, l.dsn, pgstore.Options{MaxConns: 2, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		all.Go(func() {
			defer s.Close()
			s.Follow(following, func(context.Context, []store.Change) error { return nil })
		})
	}
	seconds := max(l.times/200, 5)
	time.Sleep(2 * time.Second)
	idle, err := l.of(ctx, seconds*followers, func() error {
		time.Sleep(time.Duration(seconds) * time.Second)
		return nil
	})
	c.follow = idle.atLeast(1e-6)
	return err
}
