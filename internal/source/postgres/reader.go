package postgres

import (
	"encoding/binary"
	"fmt"

	"github.com/solucao42/caddy-data-api/source"
)

// reader holds what one run needs to decode rows.
type reader struct {
	cells  []cell
	values []source.Value
}

func newReaderFor(codecs []codec) *reader {
	r := &reader{cells: make([]cell, len(codecs)), values: make([]source.Value, len(codecs))}
	for i, codec := range codecs {
		r.cells[i].codec = codec
	}
	return r
}

// read decodes a row that the driver has received.
func (r *reader) read(p *plan, row [][]byte) error {
	if err := r.checkCount(len(row)); err != nil {
		return err
	}
	size := 0
	for i := range r.cells {
		if err := r.cell(p, i, row[i], &size); err != nil {
			return err
		}
	}
	return nil
}

// wireNull takes the place of a NULL's length.
const wireNull = ^uint32(0)

// readMessage decodes the content of a row's message: how many values there are, and each as its length and its bytes.
func (r *reader) readMessage(p *plan, content []byte) error {
	if len(content) < 2 {
		return errWire
	}
	if err := r.checkCount(int(binary.BigEndian.Uint16(content))); err != nil {
		return err
	}
	rest := content[2:]
	size := 0
	for i := range r.cells {
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
		if err := r.cell(p, i, value, &size); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		return errWire
	}
	return nil
}

func (r *reader) checkCount(values int) error {
	if values != len(r.cells) {
		return fmt.Errorf("the database sent %d values for %d columns", values, len(r.cells))
	}
	return nil
}

// cell decodes one value, nil for NULL, and adds what it takes to the row's size.
func (r *reader) cell(p *plan, i int, value []byte, size *int) error {
	if err := r.cells[i].read(value, &r.values[i]); err != nil {
		return fmt.Errorf("column %q: %w", p.columns[i].Name, err)
	}
	if *size += len(r.values[i].Bytes); *size > maxRow {
		return errRowTooLarge
	}
	return nil
}
