package result

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

// Layout says how [JSONEncoder] lays rows out.
type Layout uint8

// The layouts.
const (
	Objects Layout = iota // one document whose rows are objects
	Arrays                // one document whose rows are arrays, in the order of the columns
	Lines                 // each row is an object and ends with a line feed; nothing is around them (NDJSON)
)

// JSONOptions varies what [NewJSON] writes.
type JSONOptions struct {
	// Layout is Objects unless it is said otherwise.
	Layout Layout

	// NumbersAsStrings writes values of columns of type bigint and decimal as strings, for readers whose numbers are 64-bit floats.
	// Numbers inside of arrays and json stay.
	NumbersAsStrings bool

	// OmitLimits leaves out max_rows and executed_at, as the result inside a job document does.
	OmitLimits bool

	// BeforeFirstWrite may be nil.
	BeforeFirstWrite Beginning
}

// JSONEncoder is an [Encoder] that writes one JSON object with the fields columns, rows, row_count, truncated, max_rows and
// executed_at, or, as Lines, the rows alone. It hands nothing to the writer before 32 KiB have gathered or End is called,
// and then writes pieces of about 60 KiB. It allocates per result, never per row or cell. It is not safe for concurrent use.
type JSONEncoder struct {
	output
	options JSONOptions
	opened  bool // Columns was called
	rows    bool // there was one
	ended   bool

	keys []byte // what comes before every column's value: `{"name":` or `,"name":`, one after the other
	ends []int  // of each column's key in keys

	quoted  []bool // the columns whose numbers are written as strings; nil: none
	longest int    // bytes of a cell that is written as it is, at once; -1: each cell is looked at, since some are quoted
}

var _ Encoder = (*JSONEncoder)(nil)

var errEncoderState = errors.New("the encoder's methods were called out of order")

// NewJSON makes an encoder that writes to w. Close it, whether or not the result ends.
func NewJSON(w io.Writer, options JSONOptions) *JSONEncoder {
	out := newOutput(w, options.BeforeFirstWrite)
	return &JSONEncoder{output: out, options: options, longest: pieceSize, keys: out.memory.keys[:0], ends: out.memory.ends[:0]}
}

// Columns writes the columns.
func (e *JSONEncoder) Columns(columns []source.Column) error {
	if e.opened || e.closed() {
		return errEncoderState
	}
	e.opened = true
	if e.options.NumbersAsStrings {
		e.quoted, e.longest = make([]bool, len(columns)), -1
		for i := range columns {
			e.quoted[i] = columns[i].Type == source.TypeBigInt || columns[i].Type == source.TypeDecimal
		}
	}
	opening, _ := e.brackets()
	for i, column := range columns {
		if i == 0 {
			e.keys = append(e.keys, opening)
		} else {
			e.keys = append(e.keys, ',')
		}
		if e.options.Layout != Arrays {
			e.keys = append(appendQuoted(e.keys, column.Name), ':')
		}
		e.ends = append(e.ends, len(e.keys))
	}
	if e.options.Layout == Lines {
		return nil
	}
	dst := append(*e.buffer, `{"columns":[`...)
	for i, column := range columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = appendQuoted(dst, column.Name)
		dst = append(dst, `,"type":`...)
		dst = appendQuoted(dst, string(column.Type))
		dst = append(dst, '}')
	}
	*e.buffer = append(dst, `],"rows":[`...)
	return e.flushWhenFull()
}

// brackets returns what is around a row.
func (e *JSONEncoder) brackets() (opening, closing byte) {
	if e.options.Layout == Arrays {
		return '[', ']'
	}
	return '{', '}'
}

// Row writes one row as an object.
func (e *JSONEncoder) Row(values []source.Value) error {
	if len(values) != len(e.ends) || !e.opened || e.ended || e.closed() {
		return errEncoderState
	}
	dst := *e.buffer
	from := len(dst)
	if e.rows && e.options.Layout != Lines {
		dst = append(dst, ',')
	}
	e.rows = true
	start := 0
	for i := range values {
		dst = append(dst, e.keys[start:e.ends[i]]...)
		start = e.ends[i]
		if len(values[i].Bytes) <= e.longest {
			dst = appendJSON(dst, &values[i])
			continue
		}
		if e.options.Layout == Lines {
			joinLines(dst[from:]) // a large cell writes what is before it
			from = len(dst)
		}
		*e.buffer = dst
		if err := e.unusual(i, &values[i]); err != nil {
			return err
		}
		dst = *e.buffer
		from = min(from, len(dst))
	}
	opening, closing := e.brackets()
	if len(values) == 0 {
		dst = append(dst, opening)
	}
	dst = append(dst, closing)
	if e.options.Layout == Lines {
		joinLines(dst[from:])
		dst = append(dst, '\n')
	}
	*e.buffer = dst
	return e.flushWhenFull()
}

// unusual writes a cell that is large, or one of a result some of whose columns are quoted.
func (e *JSONEncoder) unusual(column int, value *source.Value) error {
	switch {
	case e.quoted != nil && e.quoted[column] && (value.Kind == source.KindInt || value.Kind == source.KindDecimal):
		*e.buffer = append(AppendText(append(*e.buffer, '"'), *value), '"')
	case len(value.Bytes) > pieceSize:
		return e.large(value)
	default:
		*e.buffer = appendJSON(*e.buffer, value)
	}
	return nil
}

// large writes a cell of any length without holding a second copy of it. Pieces may be cut between any two bytes,
// because escaping looks at one byte at a time and everything above 0x7F is passed on.
func (e *JSONEncoder) large(value *source.Value) error {
	e.grow()
	opening, closing := quotes(value)
	*e.buffer = append(*e.buffer, opening...)
	for rest := value.Bytes; len(rest) > 0; {
		piece := rest[:min(pieceSize, len(rest))]
		rest = rest[len(piece):]
		from := len(*e.buffer)
		*e.buffer = appendInner(*e.buffer, value.Kind, piece)
		if value.Kind == source.KindJSON && e.options.Layout == Lines {
			joinLines((*e.buffer)[from:])
		}
		if err := e.flushWhenFull(); err != nil {
			return err
		}
	}
	*e.buffer = append(*e.buffer, closing...)
	return nil
}

// joinLines puts JSON on one line. Between two tokens a line break is white space, and inside of one there can be none.
func joinLines(text []byte) {
	for _, lineBreak := range []byte{'\n', '\r'} {
		for rest := text; ; {
			i := bytes.IndexByte(rest, lineBreak)
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}

// End writes what follows the rows, and everything that is buffered.
func (e *JSONEncoder) End(summary Summary) error {
	if !e.opened || e.ended || e.closed() {
		return errEncoderState
	}
	e.ended = true
	if e.options.Layout == Lines {
		return e.flush(len(*e.buffer))
	}
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

// Close gives the buffers back. What was not written is dropped. It may be called more than once.
func (e *JSONEncoder) Close() {
	if e.closed() {
		return
	}
	e.memory.keys, e.memory.ends = e.keys[:0], e.ends[:0]
	e.release()
	e.keys, e.ends = nil, nil
}
