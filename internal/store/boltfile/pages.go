package boltfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"

	berrors "go.etcd.io/bbolt/errors"
)

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

// bounds are between which keys a page lies: from low on, and before high unless that is nil.
type bounds struct{ low, high []byte }

// element is one entry of a leaf. It is valid until the next one is read.
type element struct {
	page   *page
	flags  uint32
	key    []byte
	offset int // of the value
	size   int
	astray bool // its key does not belong where it is
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
	if n.visited += int64(p.overflow) + 1; n.progress != nil {
		n.progress(n.visited*int64(n.pageSize), int64(n.meta.pages)*int64(n.pageSize))
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
