package postgres

import (
	"encoding/binary"
	"io"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/values"
)

const (
	headerSize = 5   // of a message: its type, and its length without that type
	rowMessage = 'D' // PostgreSQL's documentation, Message Formats
)

// wire is the buffer between a connection and the driver. It knows where messages end, and never lets the driver read past
// one, so that rows can be taken from here: without the driver's copy of them and its bookkeeping for each, which cost as
// much as decoding them. Whatever is not a row is the driver's to receive.
//
// It is used by one goroutine at a time.
type wire struct {
	from       io.Reader
	buffer     []byte
	start, end int   // of what is buffered
	left       int   // of the message that the driver is reading
	err        error // of from, which the driver has still to be told
	heard      bool  // something has come that is an answer to what was sent; a sender sets it back

	frontend *pgproto3.Frontend // the driver's, which reads from here
}

func newWire(from io.Reader, to io.Writer) *wire {
	w := &wire{from: from, buffer: make([]byte, readBuffer)}
	w.frontend = pgproto3.NewFrontend(w, to)
	w.frontend.SetMaxBodyLen(values.MaxRow)
	return w
}

// Read implements [io.Reader] for the driver: it ends at the end of a message, whatever is buffered behind that.
func (w *wire) Read(to []byte) (int, error) {
	if w.left == 0 && w.fill(headerSize) {
		kind, length := w.header()
		w.heard = w.heard || isAnswer(kind)
		w.left = max(length, headerSize) // a length that cannot be is the driver's to refuse
	}
	if w.left > 0 && w.start == w.end && w.err == nil && len(to) >= len(w.buffer) { // of a huge message: without another copy
		n, err := w.from.Read(to[:min(len(to), w.left)])
		w.left -= n
		return n, err
	}
	if w.left == 0 || w.start == w.end && !w.fill(1) {
		err := w.err
		w.err = nil // after a deadline there may be more
		return 0, err
	}
	n := copy(to, w.buffer[w.start:min(w.end, w.start+w.left)])
	w.start += n
	w.left -= n
	return n, nil
}

// isAnswer reports whether a message of this type is the server's answer to a statement. Notices, changed parameters,
// notifications and errors come unasked, too.
func isAnswer(kind byte) bool { return kind != 'N' && kind != 'S' && kind != 'A' && kind != 'E' }

// header returns the type of the message at start, and its length in all. Its bytes must be here.
func (w *wire) header() (kind byte, length int) {
	return w.buffer[w.start], 1 + int(int32(binary.BigEndian.Uint32(w.buffer[w.start+1:])))
}

// row returns the content of the next message when that is a row and fits the buffer; else the driver must receive it, and
// any error too. It may wait for the database. The row is valid until the next call of any method.
func (w *wire) row() ([]byte, bool) {
	if w.left > 0 || !w.fill(headerSize) {
		return nil, false
	}
	kind, length := w.header()
	if kind != rowMessage || length < headerSize || length > len(w.buffer) || !w.fill(length) {
		return nil, false
	}
	row := w.buffer[w.start+headerSize : w.start+length]
	w.start += length
	return row, true
}

// fill makes sure that so many bytes are here, which the buffer must be able to hold. It reports false when from had an
// error before that.
func (w *wire) fill(wanted int) bool {
	if w.end-w.start >= wanted {
		return true
	}
	if w.start == w.end || w.start+wanted > len(w.buffer) {
		w.end = copy(w.buffer, w.buffer[w.start:w.end])
		w.start = 0
	}
	for w.err == nil && w.end-w.start < wanted {
		var n int
		n, w.err = w.from.Read(w.buffer[w.end:])
		w.end += n
	}
	return w.end-w.start >= wanted
}
