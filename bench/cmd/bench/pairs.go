package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

// burden is the processor time of a request, in nanoseconds, and how many requests were answered in a second.
type burden struct{ server, database, rate float64 }

// inTurns measures two things in pairs, one right after the other, in turns one and the other first, and returns what it has
// measured of each. Whatever else the machine does then meets both of a pair. A pair before the first warms up.
func inTurns[T any](pairs int, one, other func() (T, error)) (ones, others []T, err error) {
	for pair := range pairs + 1 {
		var first, second T
		if pair%2 == 0 {
			first, err = one()
			if err == nil {
				second, err = other()
			}
		} else {
			second, err = other()
			if err == nil {
				first, err = one()
			}
		}
		if err != nil {
			return nil, nil, err
		}
		if pair > 0 {
			ones, others = append(ones, first), append(others, second)
		}
	}
	return ones, others, nil
}

// quotients divides the values of pairs.
func quotients(ones, others []float64) []float64 {
	quotients := make([]float64, len(ones))
	for i := range ones {
		quotients[i] = ones[i] / others[i]
	}
	return quotients
}

// interval returns the bounds between which the median of what these are a sample of lies, with a confidence of 95 % or more: two of
// the values, as far from either end as the binomial distribution allows. Of fewer than six it is all of them.
func interval(values []float64) (low, high float64) {
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	const beyond = 0.025 // on either side
	n := len(values)
	rank, tail, term := 0, 0.0, math.Pow(0.5, float64(n))
	for k := range n {
		if tail += term; tail > beyond {
			break
		}
		rank = k
		term *= float64(n-k) / float64(k+1)
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[rank], sorted[n-1-rank]
}

// weigh asks for a second, as fast as so many clients can.
func (l *lab) weigh(ctx context.Context, pid int, t target, clients int) (burden, error) {
	before, err := processorTime(pid)
	if err != nil {
		return burden{}, err
	}
	beforehand := l.database.used()
	counted, err := l.wrk(ctx, t, clients, 1)
	if err != nil {
		return burden{}, err
	}
	after, err := processorTime(pid)
	return burden{
		server:   float64(after-before) / counted.Requests,
		database: usedSince(beforehand, l.database.used()) / counted.Requests,
		rate:     counted.perSecond(),
	}, err
}

// used returns the processor time of each process of the database, in nanoseconds.
func (db *database) used() map[int]int64 {
	used := make(map[int]int64)
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", db.pid))
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			used[pid], _ = processorTime(pid)
		}
	}
	return used
}

// usedSince adds up what processes have used between two looks. One that has ended meanwhile does not count.
func usedSince(before, after map[int]int64) float64 {
	var sum int64
	for pid, used := range after {
		sum += used - before[pid]
	}
	return float64(sum)
}

const (
	weighings       = 10  // pairs of a round
	weighingClients = 32  // as with the rates
	benchRuns       = 500 // transactions of each client of pgbench: about a second's
)

// serverWeighed returns what a request costs the server, divided by what Caddy's own static answer of the same length does.
func serverWeighed(slug string) func(context.Context, *lab) ([]float64, error) {
	return func(ctx context.Context, l *lab) ([]float64, error) {
		ours, err := l.weighable(ctx, ours((*lab).withHS256, slug))
		if err != nil {
			return nil, err
		}
		static, err := l.weighable(ctx, respondTarget(slug))
		if err != nil {
			return nil, err
		}
		ones, others, err := inTurns(weighings, ours, static)
		server := func(b burden) float64 { return b.server }
		return quotients(each(ones, server), each(others, server)), err
	}
}

// each takes one part of all of them.
func each(burdens []burden, part func(burden) float64) (parts []float64) {
	for _, b := range burdens {
		parts = append(parts, part(b))
	}
	return parts
}

// databaseWeighed returns what a request costs PostgreSQL, divided by what the same statement costs it that pgbench sends.
func databaseWeighed(slug string) func(context.Context, *lab) ([]float64, error) {
	return func(ctx context.Context, l *lab) ([]float64, error) {
		ours, err := l.weighable(ctx, ours((*lab).withHS256, slug))
		if err != nil {
			return nil, err
		}
		ones, others, err := inTurns(weighings,
			func() (float64, error) { b, err := ours(); return b.database, err },
			func() (float64, error) { return l.pgbenchWeighed(ctx, slug, weighingClients) })
		return quotients(ones, others), err
	}
}

// weighable returns what weighs a target, which it has checked.
func (l *lab) weighable(ctx context.Context, at where) (func() (burden, error), error) {
	t, pid, err := at(ctx, l)
	if err != nil {
		return nil, err
	}
	return func() (burden, error) { return l.weigh(ctx, pid, t, weighingClients) }, t.check(ctx)
}

// pgbenchWeighed returns what a transaction of pgbench costs PostgreSQL, in nanoseconds. Its connections end with it, so that their time
// is known in hundredths of a second when they have; what it takes to make them is taken from a run that does nearly nothing else.
func (l *lab) pgbenchWeighed(ctx context.Context, slug string, clients int) (float64, error) {
	took := func(runs int) (float64, error) {
		before := rig.ReapedTime(l.database.pid)
		if _, err := l.runPgbench(ctx, slug, clients, "-t", strconv.Itoa(runs)); err != nil {
			return 0, err
		}
		time.Sleep(reaping)
		return rig.ReapedTime(l.database.pid) - before, nil
	}
	const few, tries = 5, 4
	for range tries { // PostgreSQL may be late in reaping what a run has ended, which then is the next one's
		short, err := took(few)
		if err != nil {
			return 0, err
		}
		long, err := took(few + benchRuns)
		if err != nil {
			return 0, err
		}
		if long > short {
			return (long - short) / float64(clients*benchRuns) * 1e9, nil
		}
	}
	return 0, errors.New("the processor time of PostgreSQL's connections is not known")
}

// objects returns how many objects the server allocates for a request of an endpoint beyond those for Caddy's own static answer.
func objects(slug string) func(context.Context, *lab) (float64, error) {
	return func(ctx context.Context, l *lab) (float64, error) {
		s, err := l.hs256(ctx)
		if err != nil {
			return 0, err
		}
		static, _, err := respondTarget(slug)(ctx, l)
		if err != nil {
			return 0, err
		}
		ours, err := s.objectsOf(ctx, targetOf(slug, s.port, s.token))
		if err != nil {
			return 0, err
		}
		theirs, err := s.objectsOf(ctx, static)
		return ours - theirs, err
	}
}

// objectsOf counts what is allocated for a request, in many requests.
func (s *server) objectsOf(ctx context.Context, t target) (float64, error) {
	var counted [2]float64
	for i := range counted {
		if err := askMany(ctx, t); err != nil { // the first time: connections, statements
			return 0, err
		}
		var err error
		if counted[i], err = s.allocated(); err != nil {
			return 0, err
		}
	}
	return (counted[1] - counted[0]) / pairRequests, nil
}

// pgbenchScript writes an endpoint's statement for pgbench, with what its transaction has besides, and returns its path.
func (l *lab) pgbenchScript(slug string) (string, error) {
	s := statements[slug]
	script := strings.ReplaceAll(s.sql, "@", ":") + ";\n"
	if s.source == "tenants" {
		// Under one Sync, and so in one transaction, as the product sends them.
		script = "\\startpipeline\nSELECT set_config('data_api.company', 'acme', true), set_config('data_api.user', 'bench', true), " +
			"set_config('data_api.share_context', '{}', true), set_config('role', '" + tenantRole + "', true);\n" + script + "\\endpipeline\n"
	}
	if len(s.parameters) > 0 {
		script = fmt.Sprintf("\\set %s random(1, %d)\n", s.parameters[0], s.largest) + script
	}
	path := filepath.Join(l.dir, slug+".pgbench")
	return path, os.WriteFile(path, []byte(script), 0o600)
}
