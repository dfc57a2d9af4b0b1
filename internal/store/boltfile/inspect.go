package boltfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
)

// This file, and pages.go, read the pages of a bbolt file by themselves, without mapping it, and check all that bbolt takes for granted:
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
	file   io.ReaderAt
	size   int64
	layout *Layout
	deep   bool // results are read too

	progress func(done, most int64) // bytes; nil: nobody wants to know
	visited  int64                  // pages

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
func inspect(file io.ReaderAt, size int64, layout *Layout, deep bool, progress func(done, most int64)) (*inspection, error) {
	n := &inspection{file: file, size: size, layout: layout, deep: deep, progress: progress, roots: make(map[string][]byte), counts: make(map[string]int)}
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

// mark notes that a page is in use, and reports whether that is the first time.
func (n *inspection) mark(page uint64) bool {
	word, bit := page/64, uint64(1)<<(page%64)
	if n.seen[word]&bit != 0 {
		return false
	}
	n.seen[word] |= bit
	return true
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
	if n.schema, err = n.layout.parseSchema(kept[string(schemaKey)], kept[string(layoutKey)]); err != nil {
		return err
	}
	n.sealed = n.schema >= 4 && kept[string(sealingKey)] == nil
	for _, name := range sortedKeys(n.roots) {
		if _, known := n.layout.kinds[name]; !known {
			return structure("it has a bucket %q, which this program does not know: the name is damaged, or a newer version has made it", name)
		}
	}
	return nil
}

// bucket visits the records of a bucket.
func (n *inspection) bucket(name, root []byte) error {
	role := n.layout.kinds[string(name)].role
	return n.tree(root, func(e *element) error {
		if e.flags != 0 {
			return structure("%x is not a record", e.key)
		}
		if e.astray {
			if role == primary {
				return structure("keys are not in order at %s", n.layout.kinds[string(name)].describe(e.key))
			}
			n.damaged(name, e.key, "it is in the wrong place")
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
	if n.layout.legacy(name, head) {
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
			return structure("a record's key is damaged: it reads as that of %s", n.layout.kinds[string(name)].describe(e.key))
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
	if _, err := (Records{layout: n.layout, name: name}).Open(e.key, value); err != nil {
		n.damaged(name, e.key, "its checksum is wrong")
	}
	return nil
}

func (n *inspection) damaged(name, key []byte, cause string) {
	if n.damages == nil {
		n.damages = make(map[string][]error)
	}
	if list := n.damages[string(name)]; len(list) < maxDamages {
		n.damages[string(name)] = append(list, n.layout.Damaged(name, key, cause))
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
