package pgstore

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
)

// line is where work waits: jobs by source and company, deliveries by company and host.
type line struct{ group, member string }

// turns remembers when this server has served which line, so that lines take turns. Each server keeps its own: nothing is
// written for the sake of the order, and so no two servers wait for each other. Of a line that it has not served yet, a server
// takes work at once. So n servers may together serve one line n times before they come back to another.
type turns struct {
	mu     sync.Mutex
	count  uint64
	served map[line]uint64 // a count that rises: the lower, the longer ago
	groups map[string]uint64
}

// room says what may be taken. Its functions must not change anything but what take notes.
type room struct {
	running func(group string) int // how many of a group run already: groups with fewer come first
	full    func(l line) bool      // whether nothing more may be taken, what take has noted included
	take    func(l line)
}

// order returns at most limit lines: the one to take each next piece of work from. most says how many a line has, as far
// as that is known. lines come in the order in which they have waited.
func (t *turns) order(lines []line, limit int, r room, most map[line]int) (order []line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	type turn struct {
		line
		served uint64
		left   int
	}
	waiting := make([]turn, 0, len(lines))
	running, groups := make(map[string]int), make(map[string]uint64)
	for _, l := range lines {
		left, known := most[l]
		if !known {
			left = limit
		}
		waiting = append(waiting, turn{l, t.served[l], left})
		if _, known := running[l.group]; !known {
			running[l.group], groups[l.group] = r.running(l.group), t.groups[l.group]
		}
	}
	count := t.count
	for len(order) < limit {
		waiting = slices.DeleteFunc(waiting, func(w turn) bool { return w.left == 0 || r.full(w.line) })
		if len(waiting) == 0 {
			return order
		}
		first := slices.MinFunc(waiting, func(a, b turn) int {
			return cmp.Or(cmp.Compare(running[a.group], running[b.group]), cmp.Compare(groups[a.group], groups[b.group]),
				cmp.Compare(a.served, b.served))
		})
		i := slices.IndexFunc(waiting, func(w turn) bool { return w.line == first.line })
		count++
		waiting[i].served, groups[first.group] = count, count
		waiting[i].left--
		running[first.group]++
		r.take(first.line)
		order = append(order, first.line)
	}
	return order
}

// serve notes that work was taken from these lines, in this order.
func (t *turns) serve(lines []line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.served == nil {
		t.served, t.groups = make(map[line]uint64), make(map[string]uint64)
	}
	for _, l := range lines {
		t.count++
		t.served[l], t.groups[l.group] = t.count, t.count
	}
	t.forget()
}

// maxTurns is how many lines are remembered.
const maxTurns = 10_000

// forget drops the half of the lines that were served longest ago. The caller holds mu.
func (t *turns) forget() {
	if len(t.served) <= maxTurns {
		return
	}
	var counts []uint64
	for _, count := range t.served {
		counts = append(counts, count)
	}
	slices.Sort(counts)
	oldest := counts[len(counts)/2]
	for l, count := range t.served {
		if count < oldest {
			delete(t.served, l)
		}
	}
	for group, count := range t.groups {
		if count < oldest {
			delete(t.groups, group)
		}
	}
}

// work is what a claim takes from lines.
type work interface {
	// order says from which lines to take. most holds the lines of which it is known how much they have.
	order(most map[line]int) []line

	// exclude keeps other servers from the lines, as far as that matters, and reports whether that has changed anything: then
	// the order is to be asked for again.
	exclude(ctx context.Context, tx pgx.Tx, lines []line) (changed bool, err error)

	// lock asks for the first n pieces of a line, but for those that another claim has locked.
	lock(batch *pgx.Batch, l line, n int, found func(ids [][]byte))
}

// take locks work of the lines whose turn it is, and returns its IDs and where each waited. Where a line has
// fewer pieces than wanted, the order is computed again with that known.
func (s *Store) take(ctx context.Context, tx pgx.Tx, w work) (ids [][]byte, taken []line, err error) {
	locked, most := make(map[line][][]byte), make(map[line]int)
	for {
		taken = w.order(most)
		changed, err := w.exclude(ctx, tx, taken)
		if err != nil {
			return nil, nil, err
		}
		if changed {
			continue
		}
		wanted := make(map[line]int)
		for _, l := range taken {
			wanted[l]++
		}
		batch := new(pgx.Batch)
		for l, n := range wanted {
			if n <= len(locked[l]) {
				continue
			}
			w.lock(batch, l, n, func(ids [][]byte) {
				if locked[l] = ids; len(ids) < n {
					most[l] = len(ids)
				}
			})
		}
		if batch.Len() == 0 {
			break
		}
		if err := s.send(ctx, tx, batch); err != nil {
			return nil, nil, err
		}
	}
	for _, l := range taken {
		ids = append(ids, locked[l][0])
		locked[l] = locked[l][1:]
	}
	return ids, taken, nil
}

// attemptsOf returns attempts as two arrays, which a statement can read as a table.
func attemptsOf(held map[job.ID]int) (ids [][]byte, attempts []int) {
	for id, attempt := range held {
		ids, attempts = append(ids, id[:]), append(attempts, attempt)
	}
	return ids, attempts
}

// inOrder returns what a statement has claimed in the order of the IDs, which are those of all of it.
func inOrder[T any](claimed []T, ids [][]byte, idOf func(*T) job.ID) []T {
	place := make(map[job.ID]int, len(ids))
	for i, id := range ids {
		place[job.ID(id)] = i
	}
	ordered := make([]T, len(claimed))
	for i := range claimed {
		ordered[place[idOf(&claimed[i])]] = claimed[i]
	}
	return ordered
}

// exclusive says of which names only this transaction takes work, where there is a limit that all servers share: what they
// count would else be old before it is used. The zero value has asked for none.
type exclusive struct {
	mine   map[string]bool // those that were asked for, and whether this transaction has them
	missed bool            // another server takes work of a name at the same time
}

// elsewhere reports whether another server takes work of a name.
func (e *exclusive) elsewhere(name string) bool {
	mine, asked := e.mine[name]
	return asked && !mine
}

// exclude tries an advisory lock for each member of lines that was not tried before, and reports whether there were any. It
// does not wait.
func (s *Store) exclude(ctx context.Context, tx pgx.Tx, e *exclusive, what string, lines []line) (asked bool, err error) {
	if e.mine == nil {
		e.mine = make(map[string]bool)
	}
	var keys []int64
	var wanted []string
	for _, l := range lines {
		name := l.member
		if _, known := e.mine[name]; !known {
			e.mine[name] = false
			wanted, keys = append(wanted, name), append(keys, s.db.LockKey(" "+what+" "+name))
		}
	}
	if len(wanted) == 0 {
		return false, nil
	}
	rows, err := tx.Query(ctx, `SELECT u.name FROM unnest($1::text[], $2::bigint[]) AS u(name, key) WHERE pg_try_advisory_xact_lock(u.key)`, wanted, keys)
	if err != nil {
		return false, err
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range got {
		e.mine[name] = true
	}
	e.missed = e.missed || len(got) < len(wanted)
	return true, err
}

// send sends statements together, and hands each its answer.
func (s *Store) send(ctx context.Context, q pgdb.Querier, batch *pgx.Batch) error {
	return q.SendBatch(ctx, batch).Close()
}
