package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"math"
	"slices"

	berrors "go.etcd.io/bbolt/errors"
)

// This file reads the pages of a bbolt file by itself, without mapping it, and checks all that bbolt takes for granted:
// what a damaged page makes bbolt do is a panic at best, and at worst an endless recursion, which ends the process, or
// a look-up that goes astray, which denies a record that is there. The format is the one of bbolt's internal/common.

const (
	pageHeaderSize = 16
	elementSize    = 16
	metaSize       = 64
	bucketSize     = 16
	maxKeySize     = 32768 // bbolt.MaxKeySize
	maxDepth       = 64

	metaMagic   = 0xED0CDAED
	metaVersion = 2

	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10

	noFreelist = math.MaxUint64
)

// errStructure says that one record is not surely found from another. It ends the inspection.
var errStructure = fmt.Errorf("%w where records are found", ErrDamaged)

func structure(format string, arguments ...any) error {
	return fmt.Errorf("%w: %w", errStructure, fmt.Errorf(format, arguments...))
}

// meta is the page that says what of a file is valid.
type meta struct {
	pageSize uint32
	root     uint64 // the page of the bucket of buckets
	freelist uint64
	pages    uint64 // how many are in use
	txid     uint64
}

// inspection is one walk through a file.
type inspection struct {
	file io.ReaderAt
	size int64
	deep bool // results are read too

	meta     meta
	pageSize int
	seen     []uint64 // a bit for each page that is in use or free
	levels   [][]byte // a buffer for each level of a tree
	scratch  []byte

	schema  int                // 0: there is none
	sealed  bool               // the records have seals
	roots   map[string][]byte  // what the bucket of buckets holds
	counts  map[string]int     // records, by bucket
	free    int                // pages
	leaked  int                // pages that are neither in use nor free
	damages map[string][]error // *DamagedError each, by bucket
}

// maxDamages bounds how many damaged records of a bucket one inspection lists.
const maxDamages = 1000

// inspect walks through a file that nobody writes to. An error is what makes the file unusable as a whole.
func inspect(file io.ReaderAt, size int64, deep bool) (*inspection, error) {
	n := &inspection{file: file, size: size, deep: deep, roots: make(map[string][]byte), counts: make(map[string]int)}
	if err := n.readMeta(); err != nil {
		return n, err
	}
	if inUse := n.meta.pages * uint64(n.pageSize); inUse > uint64(size) {
		return n, structure("it was cut short: %d bytes are in use, and it has %d", inUse, size)
	}
	n.seen = make([]uint64, n.meta.pages/64+1)
	n.mark(0)
	n.mark(1)
	if err := n.walk(n.meta.root, 0, bounds{}, n.rootElement); err != nil {
		return n, err
	}
	if err := n.readSchema(); err != nil {
		return n, err
	}
	for _, name := range sortedKeys(n.roots) {
		if err := n.bucket([]byte(name), n.roots[name]); err != nil {
			return n, fmt.Errorf("bucket %s: %w", name, err)
		}
	}
	return n, n.readFreelist()
}

// readMeta reads the two meta pages. bbolt goes on with one of them when the other is damaged: with the older one, and so
// without the last transaction, should the newer one be it.
func (n *inspection) readMeta() error {
	first, firstErr := n.metaAt(0)
	if firstErr == nil {
		n.pageSize = int(first.pageSize)
	} else if n.pageSize = n.findPageSize(); n.pageSize == 0 {
		return fmt.Errorf("neither of its two meta pages is one: %w", firstErr)
	}
	second, secondErr := n.metaAt(int64(n.pageSize))
	switch {
	case firstErr != nil:
		return structure("the first of its two meta pages cannot be read (%w), so that the last transactions may be missing", firstErr)
	case secondErr != nil:
		return structure("the second of its two meta pages cannot be read (%w), so that the last transactions may be missing", secondErr)
	case first.pageSize != second.pageSize:
		return structure("its two meta pages name pages of %d and %d bytes", first.pageSize, second.pageSize)
	}
	n.meta = first
	if second.txid > first.txid {
		n.meta = second
	}
	if n.meta.pages < 4 || n.meta.root < 2 || n.meta.root >= n.meta.pages {
		return structure("its meta page names page %d of %d as the root", n.meta.root, n.meta.pages)
	}
	return nil
}

func (n *inspection) metaAt(offset int64) (meta, error) {
	page := make([]byte, pageHeaderSize+metaSize)
	if _, err := n.file.ReadAt(page, offset); err != nil {
		return meta{}, err
	}
	raw := page[pageHeaderSize:]
	word := func(at int) uint64 { return binary.NativeEndian.Uint64(raw[at:]) }
	half := func(at int) uint32 { return binary.NativeEndian.Uint32(raw[at:]) }
	sum := fnv.New64a()
	_, _ = sum.Write(raw[:metaSize-8])
	m := meta{pageSize: half(8), root: word(16), freelist: word(32), pages: word(40), txid: word(48)}
	switch {
	case half(0) != metaMagic:
		return meta{}, berrors.ErrInvalid
	case half(4) != metaVersion:
		return meta{}, berrors.ErrVersionMismatch
	case word(56) != sum.Sum64():
		return meta{}, berrors.ErrChecksum
	case m.pageSize < 1024 || m.pageSize > 1<<24 || m.pageSize&(m.pageSize-1) != 0:
		return meta{}, fmt.Errorf("it names pages of %d bytes", m.pageSize)
	}
	return m, nil
}

// findPageSize looks for the second meta page, whose place follows from a size that only meta pages tell.
func (n *inspection) findPageSize() int {
	for size := 1024; size <= 1<<24; size *= 2 {
		if m, err := n.metaAt(int64(size)); err == nil && int(m.pageSize) == size {
			return size
		}
	}
	return 0
}

// mark notes that a page is in use, and reports whether that is the first time.
func (n *inspection) mark(page uint64) bool {
	word, bit := page/64, uint64(1)<<(page%64)
	if n.seen[word]&bit != 0 {
		return false
	}
	n.seen[word] |= bit
	return true
}

// bounds are between which keys a page lies: from low on, and before high unless that is nil.
type bounds struct{ low, high []byte }

// element is one entry of a leaf. It is valid until the next one is read.
type element struct {
	page   *page
	flags  uint32
	key    []byte
	offset int // of the value
	size   int
	astray bool // its key does not belong where it stands
}

// value returns the first bytes of the value, valid until the next call.
func (e *element) value(size int) ([]byte, error) { return e.page.at(e.offset, size) }

// inMemory reports whether reading the value costs no access to the file.
func (e *element) inMemory() bool { return e.offset+e.size <= len(e.page.first) }

// page is one that was read.
type page struct {
	id       uint64
	flags    uint16
	count    int
	overflow uint32
	first    []byte // the page itself, without those it runs over into
	at       func(offset, length int) ([]byte, error)
}

// walk visits the elements of a tree of pages.
func (n *inspection) walk(id uint64, depth int, within bounds, see func(*element) error) error {
	if depth > maxDepth {
		return structure("page %d: the tree is deeper than %d pages", id, maxDepth)
	}
	p, err := n.readPage(id, depth)
	if err != nil {
		return err
	}
	switch p.flags {
	case leafPage:
		return n.leaf(p, within, see)
	case branchPage:
	default:
		return structure("page %d: it is neither a leaf nor a branch (flags %#x)", id, p.flags)
	}
	children, err := n.branch(p, within)
	if err != nil {
		return err
	}
	for i, child := range children {
		part := bounds{low: child.key, high: within.high}
		if i+1 < len(children) {
			part.high = children[i+1].key
		}
		if err := n.walk(child.page, depth+1, part, see); err != nil {
			return err
		}
	}
	return nil
}

// readPage reads a page and takes possession of it and of those that it runs over into.
func (n *inspection) readPage(id uint64, depth int) (page, error) {
	if id < 2 || id >= n.meta.pages {
		return page{}, structure("page %d is named, and there are %d", id, n.meta.pages)
	}
	for len(n.levels) <= depth {
		n.levels = append(n.levels, make([]byte, n.pageSize))
	}
	buffer, start := n.levels[depth], int64(id)*int64(n.pageSize)
	if _, err := n.file.ReadAt(buffer, start); err != nil {
		return page{}, fmt.Errorf("page %d cannot be read: %w", id, err)
	}
	p := parsePage(buffer)
	if p.id != id {
		return page{}, structure("page %d says that it is page %d", id, p.id)
	}
	if uint64(p.overflow) >= n.meta.pages-id {
		return page{}, structure("page %d runs over into %d pages, which are not there", id, p.overflow)
	}
	for part := id; part <= id+uint64(p.overflow); part++ {
		if !n.mark(part) {
			return page{}, structure("page %d is used twice", part)
		}
	}
	total := (int(p.overflow) + 1) * n.pageSize
	p.at = func(offset, length int) ([]byte, error) {
		switch {
		case offset < 0 || length < 0 || offset+length > total:
			return nil, structure("page %d: something ends behind it", id)
		case offset+length <= n.pageSize:
			return buffer[offset : offset+length], nil
		}
		n.scratch = slices.Grow(n.scratch[:0], length)[:length]
		if _, err := n.file.ReadAt(n.scratch, start+int64(offset)); err != nil {
			return nil, fmt.Errorf("page %d cannot be read: %w", id, err)
		}
		return n.scratch, nil
	}
	return p, nil
}

func parsePage(raw []byte) page {
	return page{
		id: binary.NativeEndian.Uint64(raw), flags: binary.NativeEndian.Uint16(raw[8:]),
		count: int(binary.NativeEndian.Uint16(raw[10:])), overflow: binary.NativeEndian.Uint32(raw[12:]), first: raw,
	}
}

// child is one entry of a branch.
type child struct {
	key  []byte
	page uint64
}

// branch returns the entries of a branch. bbolt writes keys one behind the other, so that every number of the page
// follows from the others: a damaged one is found by that.
func (n *inspection) branch(p page, within bounds) ([]child, error) {
	if p.count == 0 {
		return nil, structure("page %d: a branch without children", p.id)
	}
	children := make([]child, 0, p.count)
	next := pageHeaderSize + p.count*elementSize
	for i := range p.count {
		at := pageHeaderSize + i*elementSize
		raw, err := p.at(at, elementSize)
		if err != nil {
			return nil, err
		}
		position, length := binary.NativeEndian.Uint32(raw), binary.NativeEndian.Uint32(raw[4:])
		target := binary.NativeEndian.Uint64(raw[8:])
		if at+int(position) != next || length == 0 || length > maxKeySize {
			return nil, structure("page %d: element %d is not where it should be", p.id, i)
		}
		key, err := p.at(next, int(length))
		if err != nil {
			return nil, err
		}
		children = append(children, child{bytes.Clone(key), target})
		next += int(length)
		if i > 0 && bytes.Compare(children[i-1].key, key) >= 0 {
			return nil, structure("page %d: its keys are not in order", p.id)
		}
	}
	if !within.holds(children[0].key) || !within.holds(children[len(children)-1].key) {
		return nil, structure("page %d: its keys do not belong there", p.id)
	}
	return children, n.fits(p, next)
}

func (b bounds) holds(key []byte) bool {
	return bytes.Compare(key, b.low) >= 0 && (b.high == nil || bytes.Compare(key, b.high) < 0)
}

// fits checks that a page takes as many pages as it needs.
func (n *inspection) fits(p page, used int) error {
	if needed := (used + n.pageSize - 1) / n.pageSize; needed != int(p.overflow)+1 {
		return structure("page %d takes %d pages, and needs %d", p.id, p.overflow+1, needed)
	}
	return nil
}

// leaf visits the elements of a leaf.
func (n *inspection) leaf(p page, within bounds, see func(*element) error) error {
	used, err := n.elements(p, within, see)
	if err != nil {
		return err
	}
	return n.fits(p, used)
}

// elements visits the elements of a leaf, or of a leaf in the value of a bucket, and returns where they end.
func (n *inspection) elements(p page, within bounds, see func(*element) error) (end int, err error) {
	if p.count == 0 && bytes.ContainsFunc(p.first[pageHeaderSize:], func(r rune) bool { return r != 0 }) {
		return 0, structure("page %d: it has no elements, and is not empty", p.id)
	}
	next := pageHeaderSize + p.count*elementSize
	e := element{page: &p}
	var previous []byte
	for i := range p.count {
		at := pageHeaderSize + i*elementSize
		raw, err := p.at(at, elementSize)
		if err != nil {
			return 0, err
		}
		half := func(at int) int { return int(binary.NativeEndian.Uint32(raw[at:])) }
		e.flags, e.size = uint32(half(0)), half(12)
		position, length := half(4), half(8)
		if at+position != next || length == 0 || length > maxKeySize {
			return 0, structure("page %d: element %d is not where it should be", p.id, i)
		}
		key, err := p.at(next, length)
		if err != nil {
			return 0, err
		}
		e.astray = !within.holds(key) || previous != nil && bytes.Compare(previous, key) >= 0
		previous = append(previous[:0], key...)
		e.key, e.offset = previous, next+length
		next = e.offset + e.size
		if _, err := p.at(next, 0); err != nil {
			return 0, err
		}
		if err := see(&e); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// rootElement sees an element of the bucket of buckets.
func (n *inspection) rootElement(e *element) error {
	if e.astray {
		return structure("the name %q of a bucket is damaged", e.key)
	}
	if e.flags != 1 || e.size < bucketSize {
		return structure("%q is not a bucket", e.key)
	}
	value, err := e.value(e.size)
	n.roots[string(e.key)] = bytes.Clone(value)
	return err
}

// readSchema finds out whether the file is a store, and of which layout.
func (n *inspection) readSchema() (err error) {
	root, ok := n.roots[string(metaBucket)]
	if !ok {
		for _, name := range sortedKeys(n.roots) {
			return foreignError([]byte(name))
		}
		return nil
	}
	kept := make(map[string][]byte)
	seen := slices.Clone(n.seen)
	err = n.tree(root, func(e *element) error {
		value, err := e.value(e.size)
		kept[string(e.key)] = append([]byte{}, value...)
		return err
	})
	if err != nil {
		return fmt.Errorf("bucket %s: %w", metaBucket, err)
	}
	n.seen = seen
	if n.schema, err = parseSchema(kept[string(schemaKey)], kept[string(layoutKey)]); err != nil {
		return err
	}
	n.sealed = n.schema >= 4 && kept[string(sealingKey)] == nil
	for _, name := range sortedKeys(n.roots) {
		if _, known := kinds[name]; !known {
			return structure("it has a bucket %q, which this program does not know: the name is damaged, or a newer version has made it", name)
		}
	}
	return nil
}

// bucket visits the records of a bucket.
func (n *inspection) bucket(name, root []byte) error {
	role := kinds[string(name)].role
	return n.tree(root, func(e *element) error {
		if e.flags != 0 {
			return structure("%x is not a record", e.key)
		}
		if e.astray {
			if role == primary {
				return structure("keys are not in order at %s", kinds[string(name)].describe(e.key))
			}
			n.damaged(name, e.key, "it stands in the wrong place")
			return nil
		}
		n.counts[string(name)]++
		if !n.sealed || bytes.Equal(name, metaBucket) && bytes.Equal(e.key, schemaKey) {
			return nil
		}
		return n.record(name, role, e)
	})
}

// record checks a record's seal.
func (n *inspection) record(name []byte, role role, e *element) error {
	head, err := e.value(min(e.size, sealSize))
	if err != nil {
		return err
	}
	if legacyChunk(name, head) {
		return nil
	}
	if ofKey := keySum(name, e.key); len(head) < sealSize || binary.BigEndian.Uint32(head) != ofKey {
		// Should it be the key that is damaged, and not its sum, the record cannot be found by its own.
		if value, err := e.value(e.size); err == nil && len(head) == sealSize &&
			binary.BigEndian.Uint32(head[4:]) == crc32.Update(ofKey, castagnoli, value[sealSize:]) {
			n.damaged(name, e.key, "the checksum of its key is wrong")
			return nil
		}
		if role == primary {
			return structure("a record's key is damaged: it reads as that of %s", kinds[string(name)].describe(e.key))
		}
		n.damaged(name, e.key, "the checksum of its key is wrong")
		return nil
	}
	if !e.inMemory() && !n.deep {
		return nil
	}
	value, err := e.value(e.size)
	if err != nil {
		return err
	}
	if _, err := (records{name: name}).open(e.key, value); err != nil {
		n.damaged(name, e.key, "its checksum is wrong")
	}
	return nil
}

func (n *inspection) damaged(name, key []byte, cause string) {
	if n.damages == nil {
		n.damages = make(map[string][]error)
	}
	if list := n.damages[string(name)]; len(list) < maxDamages {
		n.damages[string(name)] = append(list, damaged(name, key, cause))
	}
}

// tree visits the elements of a bucket, whose value in the bucket of buckets is given: it names a page, or holds one.
func (n *inspection) tree(root []byte, see func(*element) error) error {
	if id := binary.NativeEndian.Uint64(root); id != 0 {
		return n.walk(id, 1, bounds{}, see)
	}
	inline := root[bucketSize:]
	if len(inline) < pageHeaderSize {
		return structure("the bucket is cut short")
	}
	p := parsePage(inline)
	if p.flags != leafPage || p.overflow != 0 {
		return structure("the bucket holds no leaf (flags %#x)", p.flags)
	}
	p.at = func(offset, length int) ([]byte, error) {
		if offset < 0 || length < 0 || offset+length > len(inline) {
			return nil, structure("something ends behind the bucket")
		}
		return inline[offset : offset+length], nil
	}
	end, err := n.elements(p, bounds{}, see)
	if err == nil && end != len(inline) {
		err = structure("the bucket has %d bytes, and needs %d", len(inline), end)
	}
	return err
}

// readFreelist checks that no page is both free and in use, and counts those that are neither.
func (n *inspection) readFreelist() error {
	if n.meta.freelist == noFreelist {
		return nil
	}
	p, err := n.readPage(n.meta.freelist, 0)
	if err != nil {
		return fmt.Errorf("the list of free pages: %w", err)
	}
	if p.flags != freelistPage {
		return structure("page %d is not the list of free pages (flags %#x)", p.id, p.flags)
	}
	first, count := pageHeaderSize, uint64(p.count)
	if p.count == 0xFFFF {
		raw, err := p.at(first, 8)
		if err != nil {
			return err
		}
		first, count = first+8, binary.NativeEndian.Uint64(raw)
	}
	if count > n.meta.pages {
		return structure("the list of free pages names %d pages, and there are %d", count, n.meta.pages)
	}
	raw, err := p.at(first, int(count)*8)
	if err != nil {
		return err
	}
	for i := range int(count) {
		free := binary.NativeEndian.Uint64(raw[i*8:])
		if free < 2 || free >= n.meta.pages || !n.mark(free) {
			return structure("page %d is free, and in use or not there", free)
		}
	}
	n.free = int(count)
	for id := range n.meta.pages {
		if n.mark(id) {
			n.leaked++
		}
	}
	return nil
}
