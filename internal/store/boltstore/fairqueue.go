package boltstore

import (
	"bytes"
	"encoding/binary"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

// fairQueue is an index of what can be claimed, in an order that is fair at two levels: among groups, and inside each
// group among its members. Jobs are grouped by source, with companies as members; deliveries by company, with hosts.
//
// Inside a group the members take turns, one entry each. Entries of one member keep the order in which they came. What
// a claim costs depends on how many groups and members wait, and not on how many entries do: a member for which there
// is no room is passed over as a whole.
type fairQueue struct {
	entries []byte // group, member, place and ID of each entry
	turns   []byte // group, turn and member of each member that has entries; the lowest turn is served first
	members []byte // by group and member: its turn, and how many entries it has
	groups  []byte // by group: the turn that was served last, and when the group was served last, as a count
}

// newFairQueue declares the buckets of a queue, whose records follow from those of others.
func newFairQueue(name, what string) fairQueue {
	return fairQueue{
		layout.Index(name, boltfile.Named("the place in the queue of "+what)),
		layout.Index(name+"_turns", boltfile.Named("a turn in the queue of "+what)),
		layout.Index(name+"_members", boltfile.Named("a line of the queue of "+what)),
		layout.Index(name+"_groups", boltfile.Named("a part of the queue of "+what)),
	}
}

// pairOf reads a record of members or groups. One that is damaged counts as none, which makes the order less fair for a
// while: the next Open makes the queue again.
func pairOf(tx *bbolt.Tx, bucket, key []byte) (a, b uint64) {
	value, err := in(tx, bucket).Get(key)
	if err != nil {
		return 0, 0
	}
	return splitPair(value)
}

// queued is an entry of a queue. Place is its position among the entries of its member, above 0; [fairQueue.place] makes
// a new last one.
type queued struct {
	group, member string
	place         uint64
	id            job.ID
}

// Keys begin with names that have their length before them, so that none is the beginning of another.

func nameKey(names ...string) []byte {
	size := 8 + len(job.ID{}) // of what entries add
	for _, name := range names {
		size += 2 + len(name)
	}
	key := make([]byte, 0, size)
	for _, name := range names {
		key = binary.BigEndian.AppendUint16(key, uint16(len(name)))
		key = append(key, name...)
	}
	return key
}

// splitNames undoes nameKey. Of a key that is not sound it returns what can be read.
func splitNames(key []byte) (names []string) {
	for len(key) >= 2 {
		length := int(binary.BigEndian.Uint16(key))
		if key = key[2:]; length > len(key) {
			break
		}
		names, key = append(names, string(key[:length])), key[length:]
	}
	return names
}

func (q *queued) key() []byte { return q.keyOf(nameKey(q.group, q.member)) }

// keyOf adds to the name of a member, in its place.
func (q *queued) keyOf(member []byte) []byte {
	return append(binary.BigEndian.AppendUint64(member, q.place), q.id[:]...)
}

func turnKey(group string, turn uint64, member string) []byte {
	return append(binary.BigEndian.AppendUint64(nameKey(group), turn), member...)
}

// pair is the value of members and groups.
func pair(a, b uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16), a), b)
}

func splitPair(value []byte) (a, b uint64) {
	if len(value) != 16 {
		return 0, 0
	}
	return binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:])
}

// place returns the place behind all others.
func (f *fairQueue) place(tx *bbolt.Tx) (uint64, error) { return tx.Bucket(f.entries).NextSequence() }

// waiting returns how many entries a member has in a group.
func (f *fairQueue) waiting(tx *bbolt.Tx, group, member string) uint64 {
	_, count := pairOf(tx, f.members, nameKey(group, member))
	return count
}

// push adds an entry. A member that had none takes its turn after the one that was served last: nothing is owed to it.
func (f *fairQueue) push(tx *bbolt.Tx, q queued) error {
	member := nameKey(q.group, q.member)
	turn, count := pairOf(tx, f.members, member)
	if count == 0 {
		round, served := pairOf(tx, f.groups, []byte(q.group+groupMark))
		turn = round + 1
		if err := in(tx, f.turns).Put(turnKey(q.group, turn, q.member), nil); err != nil {
			return err
		}
		if err := in(tx, f.groups).Put([]byte(q.group+groupMark), pair(round, served)); err != nil {
			return err
		}
	}
	if err := in(tx, f.members).Put(member, pair(turn, count+1)); err != nil {
		return err
	}
	return in(tx, f.entries).Put(q.keyOf(member), nil)
}

// groupMark ends the key of a group, since a key must not be empty and a group's name may be.
const groupMark = "\x00"

// remove takes an entry out, wherever it is.
func (f *fairQueue) remove(tx *bbolt.Tx, q queued) error {
	entries := in(tx, f.entries)
	if !entries.Has(q.key()) {
		return nil
	}
	if err := entries.Delete(q.key()); err != nil {
		return err
	}
	member := nameKey(q.group, q.member)
	value, err := in(tx, f.members).Get(member)
	if err != nil { // how many entries it has is not known any more: the line stays until it is made again
		return layout.Tolerate(tx, err)
	}
	turn, count := splitPair(value)
	if count > 1 {
		return in(tx, f.members).Put(member, pair(turn, count-1))
	}
	if err := in(tx, f.members).Delete(member); err != nil {
		return err
	}
	if err := in(tx, f.turns).Delete(turnKey(q.group, turn, q.member)); err != nil {
		return err
	}
	if key, _ := in(tx, f.turns).Cursor().Seek(nameKey(q.group)); bytes.HasPrefix(key, nameKey(q.group)) {
		return nil
	}
	return in(tx, f.groups).Delete([]byte(q.group + groupMark))
}

// capacity says what a claim may take. Its functions must not change anything: a transaction may run more than once.
type capacity struct {
	groupRunning func(group string) int          // how many of a group run already: groups with fewer come first
	full         func(group, member string) bool // whether nothing more may be taken, what take has noted included
	take         func(group, member string)      // notes that one was taken
}

// candidate is a group from which something may be taken.
type candidate struct {
	name    string
	running int
	served  uint64
}

// candidates returns the groups that have something for which there may be room.
func (f *fairQueue) candidates(tx *bbolt.Tx, r capacity) (all []candidate) {
	groups := in(tx, f.groups).Cursor()
	for key, _ := groups.First(); key != nil; key, _ = groups.Next() {
		_, served := pairOf(tx, f.groups, key)
		name := string(key[:len(key)-len(groupMark)])
		all = append(all, candidate{name: name, running: r.groupRunning(name), served: served})
	}
	return all
}

// claimable reports whether there is anything for which there is room.
func (f *fairQueue) claimable(tx *bbolt.Tx, r capacity) bool {
	return slices.ContainsFunc(f.candidates(tx, r), func(c candidate) bool {
		_, ok := f.firstOf(tx, c.name, r)
		return ok
	})
}

// firstOf returns the entry of a group whose turn it is.
func (f *fairQueue) firstOf(tx *bbolt.Tx, group string, r capacity) (queued, bool) {
	prefix := nameKey(group)
	turns := in(tx, f.turns).Cursor()
	for key, _ := turns.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = turns.Next() {
		member := string(key[len(prefix)+8:])
		if r.full(group, member) {
			continue
		}
		if q, ok := f.firstIn(tx, group, member); ok {
			return q, true
		}
	}
	return queued{}, false
}

// firstIn returns the first entry of a member. Entries that are damaged are passed over.
func (f *fairQueue) firstIn(tx *bbolt.Tx, group, member string) (queued, bool) {
	line, entries := nameKey(group, member), in(tx, f.entries)
	cursor := entries.Cursor()
	for key, sealed := cursor.Seek(line); bytes.HasPrefix(key, line); key, sealed = cursor.Next() {
		q := queued{group: group, member: member}
		if _, err := entries.Open(key, sealed); err != nil || len(key) != len(line)+8+len(q.id) {
			continue
		}
		q.place = binary.BigEndian.Uint64(key[len(line):])
		copy(q.id[:], key[len(line)+8:])
		return q, true
	}
	return queued{}, false
}

// claim takes at most limit entries and hands each of them to begin, which removes it from the queue.
func (f *fairQueue) claim(tx *bbolt.Tx, limit int, r capacity, begin func(queued) error) error {
	candidates := f.candidates(tx, r)
	for taken := 0; taken < limit && len(candidates) > 0; {
		i := fewest(candidates)
		c := &candidates[i]
		next, ok := f.firstOf(tx, c.name, r)
		if !ok {
			candidates = slices.Delete(candidates, i, i+1)
			continue
		}
		served, err := f.serve(tx, next)
		if err != nil {
			return err
		}
		if err := begin(next); err != nil {
			return err
		}
		r.take(next.group, next.member)
		taken++
		c.running, c.served = c.running+1, served
	}
	return nil
}

// fewest returns which group comes next: the one of which the fewest run, and among equals the one that was served longest
// ago.
func fewest(candidates []candidate) (best int) {
	for i, c := range candidates {
		b := candidates[best]
		if c.running < b.running || c.running == b.running && c.served < b.served {
			best = i
		}
	}
	return best
}

// serve gives the member of an entry that is about to be removed its next turn, which is behind all who wait.
func (f *fairQueue) serve(tx *bbolt.Tx, q queued) (served uint64, err error) {
	if served, err = tx.Bucket(f.groups).NextSequence(); err != nil {
		return 0, err
	}
	round, _ := pairOf(tx, f.groups, []byte(q.group+groupMark))
	value, err := in(tx, f.members).Get(nameKey(q.group, q.member))
	if err != nil {
		return served, layout.Tolerate(tx, err) // it keeps its turn until the queue is made again
	}
	turn, count := splitPair(value)
	round = max(round, turn)
	if err := in(tx, f.groups).Put([]byte(q.group+groupMark), pair(round, served)); err != nil {
		return 0, err
	}
	if err := in(tx, f.turns).Delete(turnKey(q.group, turn, q.member)); err != nil {
		return 0, err
	}
	if err := in(tx, f.turns).Put(turnKey(q.group, round+1, q.member), nil); err != nil {
		return 0, err
	}
	return served, in(tx, f.members).Put(nameKey(q.group, q.member), pair(round+1, count))
}

// line is what one member has waiting.
type line struct {
	waiting uint64
	first   queued
}

// lines returns the lines that have entries. One whose entries cannot be read has none.
func (f *fairQueue) lines(tx *bbolt.Tx) (all []line, err error) {
	err = in(tx, f.members).ForEach(func(key, _ []byte) error {
		names := splitNames(key)
		if len(names) != 2 {
			return nil // damaged: the next Open makes the queue again
		}
		first, ok := f.firstIn(tx, names[0], names[1])
		if ok {
			all = append(all, line{f.waiting(tx, names[0], names[1]), first})
		}
		return nil
	})
	return all, err
}

// forEach calls do for every entry's ID, in no order that means anything.
func (f *fairQueue) forEach(tx *bbolt.Tx, do func(id job.ID)) error {
	return in(tx, f.entries).ForEach(func(key, _ []byte) error {
		var id job.ID
		if len(key) >= len(id) {
			copy(id[:], key[len(key)-len(id):])
			do(id)
		}
		return nil
	})
}

// reserve keeps places up to this one for the entries of a queue that is made again.
func (f *fairQueue) reserve(tx *bbolt.Tx, place uint64) error {
	entries := tx.Bucket(f.entries)
	return entries.SetSequence(max(entries.Sequence(), place))
}
