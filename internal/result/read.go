package result

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/source"
)

// FromJSON returns the value that a JSON text means in a column of this type. It is held as it is written: numbers
// as Decimal, and texts, dates, bytes and all else between quotes as Text, whose bytes are appended to scratch. Encoders
// take it for the value that the source had, because [AppendJSON] and [AppendText] write it alike. Null is NULL, in
// columns of json too.
func FromJSON(text jsontext.Value, typ source.Type, scratch []byte) (value source.Value, extended []byte, err error) {
	switch kind := text.Kind(); {
	case kind == 'n':
		return source.Value{}, scratch, nil
	case typ == source.TypeJSON, kind == '[', kind == '{':
		return source.Value{Kind: source.KindJSON, Bytes: text}, scratch, nil
	case kind == 't':
		return source.Value{Kind: source.KindBool, Int: 1}, scratch, nil
	case kind == 'f':
		return source.Value{Kind: source.KindBool}, scratch, nil
	case kind == '"':
		start := len(scratch)
		scratch, err = jsontext.AppendUnquote(scratch, text)
		return source.Value{Kind: source.KindText, Bytes: scratch[start:]}, scratch, err
	default:
		return source.Value{Kind: source.KindDecimal, Bytes: text}, scratch, nil
	}
}

// ReadJSON reads the rows of a result that [JSONEncoder] wrote as Objects, and hands them to the sink with their columns,
// which the result has in the same order. It holds one row in memory. It believes what it reads to be such JSON; an
// error of the sink, or of the reader, is returned unchanged.
func ReadJSON(r io.Reader, columns []source.Column, sink source.Sink) error {
	if err := sink.Columns(columns); err != nil {
		return err
	}
	rows := rowReader{
		in:      jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		columns: columns,
		row:     make([]source.Value, len(columns)),
	}
	if err := rows.begin(); err != nil {
		return err
	}
	for rows.in.PeekKind() == '{' {
		if err := rows.read(); err != nil {
			return err
		}
		if err := sink.Row(rows.row); err != nil {
			return err
		}
	}
	return rows.end()
}

// rowReader decodes rows into memory that it uses again.
type rowReader struct {
	in      *jsontext.Decoder
	columns []source.Column
	row     []source.Value
	ends    []int  // of each cell in text
	text    []byte // of the row's cells, as JSON
	scratch []byte // of the row's texts
}

// begin moves to the first row: into the object, over its first member, which is the columns, and into the second.
func (r *rowReader) begin() error {
	if err := r.expect('{'); err != nil {
		return err
	}
	for range 3 { // the name and the columns, and the name of the rows
		if err := r.in.SkipValue(); err != nil {
			return broken(err)
		}
	}
	return r.expect('[')
}

// end moves behind the last row. What follows it is not looked at.
func (r *rowReader) end() error { return r.expect(']') }

func (r *rowReader) expect(kind jsontext.Kind) error {
	token, err := r.in.ReadToken()
	if err != nil {
		return broken(err)
	}
	if token.Kind() != kind {
		return ErrNoRows
	}
	return nil
}

// read decodes one row.
func (r *rowReader) read() error {
	if err := r.expect('{'); err != nil {
		return err
	}
	r.text, r.ends, r.scratch = r.text[:0], r.ends[:0], r.scratch[:0]
	for range r.columns {
		if err := r.in.SkipValue(); err != nil { // the name
			return broken(err)
		}
		cell, err := r.in.ReadValue()
		if err != nil {
			return broken(err)
		}
		r.text = append(r.text, cell...)
		r.ends = append(r.ends, len(r.text))
	}
	if err := r.expect('}'); err != nil {
		return err
	}
	r.scratch = slices.Grow(r.scratch, len(r.text)) // texts do not move while values point to them
	start := 0
	for i, end := range r.ends {
		var err error
		if r.row[i], r.scratch, err = FromJSON(r.text[start:end], r.columns[i].Type, r.scratch); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// ReadColumns reads the columns of a result that [JSONEncoder] wrote, which says nothing of their digits.
func ReadColumns(r io.Reader) ([]source.Column, error) {
	rows := rowReader{in: jsontext.NewDecoder(r, jsontext.AllowInvalidUTF8(true))}
	if err := rows.expect('{'); err != nil {
		return nil, err
	}
	if err := rows.in.SkipValue(); err != nil {
		return nil, broken(err)
	}
	text, err := rows.in.ReadValue()
	if err != nil {
		return nil, broken(err)
	}
	var columns []source.Column
	if err := json.Unmarshal(text, &columns); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRows, err)
	}
	return columns, nil
}
