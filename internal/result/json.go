package result

import (
	"errors"
	"io"
	"strconv"
	"sync"
	"time"
)

const (
	bufferSize = 64 << 10 // of a pooled buffer
	flushAt    = 32 << 10 // a row usually fits in what is left above this, so that the buffer does not grow
	pieceSize  = 8 << 10  // of a large cell, which passes through the buffer in pieces
	keysSize   = 1 << 10  // of the pooled keys at first
	maxKeys    = 16 << 10 // of the pooled keys at most
)

// memory is what an encoder needs and gives back.
type memory struct {
	buffer []byte
	keys   []byte
	ends   []int
}

var memories = sync.Pool{New: func() any {
	return &memory{buffer: make([]byte, 0, bufferSize), keys: make([]byte, 0, keysSize)}
}}

// JSONOptions varies what [NewJSON] writes.
type JSONOptions struct {
	// OmitLimits leaves out max_rows and executed_at, as the result inside a job document does.
	OmitLimits bool

	// BeforeFirstWrite, when not nil, is called once, just before the first byte is handed to the writer: the last
	// moment at which an error can still become another answer. Size is the length of the whole document when all of
	// it was still in the buffer at End, so that it can be announced; else it is -1.
	BeforeFirstWrite func(size int)
}

// JSONEncoder is an [Encoder] that writes one JSON object with the fields columns, rows, row_count, truncated, max_rows and
// executed_at. It hands nothing to the writer before 32 KiB have gathered or End is called, and then writes pieces of
// about that size. It allocates per result, never per row or cell. It is not safe for concurrent use.
type JSONEncoder struct {
	w       io.Writer
	options JSONOptions
	memory  *memory
	buffer  *[]byte // of memory; nil once closed
	started bool
	opened  bool // Columns was called
	rows    bool // there was one
	ended   bool
	err     error // of the writer; nothing is written after it

	keys []byte // every column's `{"name":` or `,"name":`, one after the other
	ends []int  // of each column's key in keys
}

var _ Encoder = (*JSONEncoder)(nil)

var errEncoderState = errors.New("the encoder's methods were called out of order")

// NewJSON makes an encoder that writes to w. Close it, whether or not the result ends.
func NewJSON(w io.Writer, options JSONOptions) *JSONEncoder {
	memory := memories.Get().(*memory)
	return &JSONEncoder{
		w: w, options: options, memory: memory, buffer: &memory.buffer, keys: memory.keys[:0], ends: memory.ends[:0],
	}
}

// ContentType is application/json.
func (e *JSONEncoder) ContentType() string { return "application/json" }

// Started reports whether anything was handed to the writer. Until then the result can be dropped without a trace.
func (e *JSONEncoder) Started() bool { return e.started }

// Columns writes the columns.
func (e *JSONEncoder) Columns(columns []Column) error {
	if e.opened || e.buffer == nil {
		return errEncoderState
	}
	e.opened = true
	dst := append(*e.buffer, `{"columns":[`...)
	for i, column := range columns {
		if i > 0 {
			dst = append(dst, ',')
			e.keys = append(e.keys, ',')
		} else {
			e.keys = append(e.keys, '{')
		}
		dst = append(dst, `{"name":`...)
		dst = appendQuoted(dst, column.Name)
		dst = append(dst, `,"type":`...)
		dst = appendQuoted(dst, string(column.Type))
		dst = append(dst, '}')
		e.keys = append(appendQuoted(e.keys, column.Name), ':')
		e.ends = append(e.ends, len(e.keys))
	}
	*e.buffer = append(dst, `],"rows":[`...)
	return e.flushWhenFull()
}

// Row writes one row as an object.
func (e *JSONEncoder) Row(values []Value) error {
	if len(values) != len(e.ends) || !e.opened || e.ended || e.buffer == nil {
		return errEncoderState
	}
	dst := *e.buffer
	if e.rows {
		dst = append(dst, ',')
	}
	e.rows = true
	start := 0
	for i := range values {
		dst = append(dst, e.keys[start:e.ends[i]]...)
		start = e.ends[i]
		if len(values[i].Bytes) <= pieceSize {
			dst = AppendJSON(dst, values[i])
			continue
		}
		*e.buffer = dst
		if err := e.large(values[i]); err != nil {
			return err
		}
		dst = *e.buffer
	}
	if len(values) == 0 {
		dst = append(dst, '{')
	}
	*e.buffer = append(dst, '}')
	return e.flushWhenFull()
}

// large writes a cell of any length without holding a second copy of it. Pieces may be cut between any two bytes,
// because escaping looks at one byte at a time and everything above 0x7F is passed on.
func (e *JSONEncoder) large(value Value) error {
	opening, closing := quotes(value)
	*e.buffer = append(*e.buffer, opening...)
	for rest := value.Bytes; len(rest) > 0; {
		piece := rest[:min(pieceSize, len(rest))]
		rest = rest[len(piece):]
		*e.buffer = appendInner(*e.buffer, value.Kind, piece)
		if err := e.flushWhenFull(); err != nil {
			return err
		}
	}
	*e.buffer = append(*e.buffer, closing...)
	return nil
}

// End writes what follows the rows, and everything that is buffered.
func (e *JSONEncoder) End(summary Summary) error {
	if !e.opened || e.ended || e.buffer == nil {
		return errEncoderState
	}
	e.ended = true
	dst := append(*e.buffer, `],"row_count":`...)
	dst = strconv.AppendInt(dst, int64(summary.RowCount), 10)
	dst = append(dst, `,"truncated":`...)
	dst = strconv.AppendBool(dst, summary.Truncated)
	if !e.options.OmitLimits {
		dst = append(dst, `,"max_rows":`...)
		dst = strconv.AppendInt(dst, int64(summary.MaxRows), 10)
		dst = append(dst, `,"executed_at":"`...)
		dst = summary.ExecutedAt.UTC().AppendFormat(dst, time.RFC3339)
		dst = append(dst, '"')
	}
	*e.buffer = append(dst, '}')
	return e.flush(len(*e.buffer))
}

// Flush hands what is buffered to the writer, for a reader who wants the rows so far.
func (e *JSONEncoder) Flush() error {
	if e.buffer == nil {
		return errEncoderState
	}
	return e.flush(-1)
}

// Close gives the buffer back. What was not written is dropped. It may be called more than once.
func (e *JSONEncoder) Close() {
	if e.buffer == nil {
		return
	}
	e.memory.keys, e.memory.ends = e.keys[:0], e.ends[:0]
	if cap(*e.buffer) == bufferSize && cap(e.keys) <= maxKeys { // what a huge row made grow would stay in the pool for ever
		*e.buffer = (*e.buffer)[:0]
		memories.Put(e.memory)
	}
	e.memory, e.buffer, e.keys, e.ends = nil, nil, nil, nil
}

func (e *JSONEncoder) flushWhenFull() error {
	if len(*e.buffer) < flushAt {
		return nil
	}
	return e.flush(-1)
}

// flush writes the buffer. Size is the document's, in case this is its only write.
func (e *JSONEncoder) flush(size int) error {
	if e.err != nil || len(*e.buffer) == 0 {
		return e.err
	}
	if !e.started {
		e.started = true
		if e.options.BeforeFirstWrite != nil {
			e.options.BeforeFirstWrite(size)
		}
	}
	_, e.err = e.w.Write(*e.buffer)
	*e.buffer = (*e.buffer)[:0]
	return e.err
}
