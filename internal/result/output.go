package result

import (
	"io"
	"sync"
)

const (
	smallSize  = 8 << 10 // of a pooled buffer at first, which is all that most results need
	growAt     = smallSize / 2
	bufferSize = 128 << 10 // of a pooled buffer afterwards: what is left above flushAt holds most rows, and every piece of a large cell
	flushFirst = 32 << 10  // begins the answer; a smaller result is one write of a known size
	flushAt    = 60 << 10  // afterwards; with most rows it stays below 64 KiB, above which Caddy's writer cuts
	pieceSize  = 8 << 10   // of a large cell, which passes through the buffer in pieces
	keysSize   = 1 << 10   // of the pooled keys at first
	maxKeys    = 16 << 10  // of the pooled keys at most
)

// memory is what an encoder needs at first, and gives back.
type memory struct {
	buffer []byte
	keys   []byte
	ends   []int
}

var memories = sync.Pool{New: func() any {
	return &memory{buffer: make([]byte, 0, smallSize), keys: make([]byte, 0, keysSize)}
}}

// buffers are for results that are larger than most.
var buffers = sync.Pool{New: func() any {
	buffer := make([]byte, 0, bufferSize)
	return &buffer
}}

// Beginning is told, once, that an encoder is about to hand the first byte to its writer: the last moment at which
// an error can still become another answer.
type Beginning interface {
	// Begin is told the length of the whole result when all of it was still in the buffer at End, so that it can be
	// announced; else -1.
	Begin(size int)
}

// BeforeFirstWrite is a function that is a [Beginning].
type BeforeFirstWrite func(size int)

// Begin implements [Beginning].
func (f BeforeFirstWrite) Begin(size int) { f(size) }

// output is the buffer between an encoder and its writer. Its memory is pooled.
type output struct {
	w       io.Writer
	before  Beginning // may be nil
	memory  *memory
	buffer  *[]byte // of memory, or of buffers; nil once closed
	full    int     // bytes in the buffer that are enough to be written, or for a larger buffer
	started bool
	err     error // of the writer; nothing is written after it
}

func newOutput(w io.Writer, before Beginning) output {
	memory := memories.Get().(*memory)
	return output{w: w, before: before, memory: memory, buffer: &memory.buffer, full: growAt}
}

func (o *output) closed() bool { return o.buffer == nil }

// grow makes room for a result that is larger than most.
func (o *output) grow() {
	if o.buffer == &o.memory.buffer {
		large := buffers.Get().(*[]byte)
		*large = append((*large)[:0], *o.buffer...)
		o.buffer, o.full = large, flushFirst
	}
}

// flushWhenFull is called for each row, and so short that it is compiled into the loop.
func (o *output) flushWhenFull() error {
	if len(*o.buffer) < o.full {
		return nil
	}
	return o.makeRoom()
}

func (o *output) makeRoom() error {
	o.grow()
	if len(*o.buffer) < o.full {
		return nil
	}
	return o.flush(-1)
}

// flush writes the buffer. Size is the result's, in case this is its only write.
func (o *output) flush(size int) error {
	if o.err != nil {
		return o.err
	}
	if !o.started && (len(*o.buffer) > 0 || size >= 0) { // a result of no bytes begins too, at its end
		o.started, o.full = true, flushAt
		if o.before != nil {
			o.before.Begin(size)
		}
	}
	if len(*o.buffer) == 0 {
		return nil
	}
	_, o.err = o.w.Write(*o.buffer)
	*o.buffer = (*o.buffer)[:0]
	return o.err
}

// release gives the memory back. What a huge row made grow would stay in the pool for ever, and is dropped.
func (o *output) release() {
	if o.buffer != &o.memory.buffer && cap(*o.buffer) == bufferSize {
		buffers.Put(o.buffer)
	}
	if cap(o.memory.buffer) == smallSize && cap(o.memory.keys) <= maxKeys {
		o.memory.buffer = o.memory.buffer[:0]
		memories.Put(o.memory)
	}
	o.memory, o.buffer = nil, nil
}
