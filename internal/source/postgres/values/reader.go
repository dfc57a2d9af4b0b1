package values

import (
	"encoding/binary"
	"fmt"

	"github.com/solucao42/caddy-data-api/source"
)

// MaxRow is the most bytes of a row, on the wire and as text; each connection may hold one.
const MaxRow = 32 << 20

// ErrRowTooLarge says that a row is longer than [MaxRow].
var ErrRowTooLarge = fmt.Errorf("a row is larger than the %d MiB that a source holds of one", MaxRow>>20)

// Reader holds what one run needs to decode rows.
type Reader struct {
	columns []source.Column
	Cells   []cell
	Values  []source.Value
}

// NewReaderFor makes a reader for rows of these columns, each of which is decoded by the codec in its place.
func NewReaderFor(columns []source.Column, codecs []Codec) *Reader {
	r := &Reader{columns: columns, Cells: make([]cell, len(codecs)), Values: make([]source.Value, len(codecs))}
	for i, codec := range codecs {
		r.Cells[i].Codec = codec
	}
	return r
}

// Read decodes a row that the driver has received.
func (r *Reader) Read(row [][]byte) error {
	if err := r.checkCount(len(row)); err != nil {
		return err
	}
	size := 0
	for i := range r.Cells {
		if err := r.cell(i, row[i], &size); err != nil {
			return err
		}
	}
	return nil
}

// wireNull is in the place of a NULL's length.
const wireNull = ^uint32(0)

// ReadMessage decodes the content of a row's message: how many values there are, and each as its length and its bytes.
func (r *Reader) ReadMessage(content []byte) error {
	if len(content) < 2 {
		return errWire
	}
	if err := r.checkCount(int(binary.BigEndian.Uint16(content))); err != nil {
		return err
	}
	rest := content[2:]
	size := 0
	for i := range r.Cells {
		if len(rest) < 4 {
			return errWire
		}
		var value []byte
		length := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		if length != wireNull {
			if uint64(length) > uint64(len(rest)) {
				return errWire
			}
			value, rest = rest[:length:length], rest[length:]
		}
		if err := r.cell(i, value, &size); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		return errWire
	}
	return nil
}

func (r *Reader) checkCount(values int) error {
	if values != len(r.Cells) {
		return fmt.Errorf("the database sent %d values for %d columns", values, len(r.Cells))
	}
	return nil
}

// cell decodes one value, nil for NULL, and adds what it takes to the row's size.
func (r *Reader) cell(i int, value []byte, size *int) error {
	if err := r.Cells[i].read(value, &r.Values[i]); err != nil {
		return fmt.Errorf("column %q: %w", r.columns[i].Name, err)
	}
	if *size += len(r.Values[i].Bytes); *size > MaxRow {
		return ErrRowTooLarge
	}
	return nil
}
