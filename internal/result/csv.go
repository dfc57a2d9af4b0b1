package result

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"

	"github.com/solucao42/caddy-data-api/source"
)

// CSVOptions varies what [NewCSV] writes.
type CSVOptions struct {
	// EscapeFormulas puts an apostrophe before each text that a spreadsheet would take for a formula, as OWASP advises
	// (CSV Injection): one that begins with = + - @, their full-width forms, a tab or a line break. Numbers and times
	// are left alone. What is written can then no longer be told from a text that began with the apostrophe.
	EscapeFormulas bool

	// Marked puts a byte order mark at the beginning, by which Excel knows UTF-8.
	Marked bool

	// DecimalComma writes numbers as spreadsheets read them where the decimal mark is a comma: with it, and with semicolons between
	// the fields. Numbers inside of arrays and json stay.
	DecimalComma bool

	// BeforeFirstWrite may be nil.
	BeforeFirstWrite Beginning
}

// CSVEncoder is an [Encoder] that writes comma-separated values (RFC 4180) in UTF-8: a header line with the names of the
// columns, and lines that end with CR LF. NULL is an empty field, and the empty text a quoted one (""), as PostgreSQL's
// COPY has it. Values are written as in JSON, without its quotes and escapes; arrays and json are JSON. It allocates per
// result, never per row or cell. It is not safe for concurrent use.
type CSVEncoder struct {
	output
	options   CSVOptions
	separator byte
	special   *[256]bool
	columns   int
	opened    bool
	ended     bool
}

var _ Encoder = (*CSVEncoder)(nil)

// NewCSV makes an encoder that writes to w. Close it, whether or not the result ends.
func NewCSV(w io.Writer, options CSVOptions) *CSVEncoder {
	separator, special := byte(','), &specialCommas
	if options.DecimalComma {
		separator, special = ';', &specialSemicolons
	}
	return &CSVEncoder{output: newOutput(w, options.BeforeFirstWrite), options: options, separator: separator, special: special}
}

// Columns writes the header line.
func (e *CSVEncoder) Columns(columns []source.Column) error {
	if e.opened || e.closed() {
		return errEncoderState
	}
	e.opened, e.columns = true, len(columns)
	dst := *e.buffer
	if e.options.Marked {
		dst = append(dst, byteOrderMark...)
	}
	for i, column := range columns {
		if i > 0 {
			dst = append(dst, e.separator)
		}
		dst = e.appendField(dst, []byte(column.Name))
	}
	*e.buffer = append(dst, '\r', '\n')
	return e.flushWhenFull()
}

// Row writes one line.
func (e *CSVEncoder) Row(values []source.Value) error {
	if len(values) != e.columns || !e.opened || e.ended || e.closed() {
		return errEncoderState
	}
	dst := *e.buffer
	for i := range values {
		if i > 0 {
			dst = append(dst, e.separator)
		}
		value := &values[i]
		switch {
		case len(value.Bytes) > pieceSize:
			*e.buffer = dst
			if err := e.large(value); err != nil {
				return err
			}
			dst = *e.buffer
		case value.Kind == source.KindText || value.Kind == source.KindJSON:
			dst = e.appendField(dst, value.Bytes)
		default:
			from := len(dst)
			dst = AppendText(dst, *value)
			if e.options.DecimalComma {
				decimalComma(dst[from:], value.Kind)
			}
		}
	}
	*e.buffer = append(dst, '\r', '\n')
	return e.flushWhenFull()
}

// byteOrderMark is that of UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// decimalComma changes the decimal mark of a number.
func decimalComma(number []byte, kind source.Kind) {
	if kind != source.KindDecimal && kind != source.KindFloat32 && kind != source.KindFloat64 {
		return
	}
	if point := bytes.IndexByte(number, '.'); point >= 0 {
		number[point] = ','
	}
}

// appendField appends a text, quoted where it has to be.
func (e *CSVEncoder) appendField(dst, text []byte) []byte {
	formula := e.options.EscapeFormulas && isFormula(text)
	if !formula && !e.needsQuotes(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	if formula {
		dst = append(dst, '\'')
	}
	return append(appendDoubled(dst, text), '"')
}

// appendDoubled appends the inside of a quoted field.
func appendDoubled(dst, text []byte) []byte {
	for {
		quote := bytes.IndexByte(text, '"')
		if quote < 0 {
			return append(dst, text...)
		}
		dst = append(append(dst, text[:quote+1]...), '"')
		text = text[quote+1:]
	}
}

// The bytes that a field with quotes only may hold, by what is between fields.
var (
	specialCommas     = [256]bool{',': true, '"': true, '\r': true, '\n': true}
	specialSemicolons = [256]bool{';': true, '"': true, '\r': true, '\n': true}
)

// needsQuotes reports whether a text would be read as another one without quotes: spaces at its ends, which some readers
// cut off, count, and so does \., which ends the data for PostgreSQL up to version 17.
func (e *CSVEncoder) needsQuotes(text []byte) bool {
	if len(text) == 0 || text[0] <= ' ' || text[len(text)-1] <= ' ' || string(text) == `\.` {
		return true
	}
	for _, c := range text {
		if e.special[c] {
			return true
		}
	}
	return false
}

// isFormula reports whether a spreadsheet would run a text.
func isFormula(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	if strings.IndexByte("=+-@\t\r\n", text[0]) >= 0 {
		return true
	}
	for _, wide := range [...]string{"＝", "＋", "－", "＠"} {
		if len(text) >= len(wide) && string(text[:len(wide)]) == wide {
			return true
		}
	}
	return false
}

// large writes a cell of any length without holding a second copy of it.
func (e *CSVEncoder) large(value *source.Value) error {
	e.grow()
	var opening, closing string
	switch value.Kind {
	case source.KindBinary:
		opening = binaryPrefix
	case source.KindText, source.KindJSON:
		formula := e.options.EscapeFormulas && isFormula(value.Bytes)
		if formula || e.needsQuotes(value.Bytes) {
			opening, closing = `"`, `"`
		}
		if formula {
			opening = `"'`
		}
	}
	*e.buffer = append(*e.buffer, opening...)
	for rest := value.Bytes; len(rest) > 0; {
		piece := rest[:min(pieceSize, len(rest))]
		rest = rest[len(piece):]
		switch {
		case value.Kind == source.KindBinary:
			*e.buffer = hex.AppendEncode(*e.buffer, piece)
		case closing != "":
			*e.buffer = appendDoubled(*e.buffer, piece)
		default:
			*e.buffer = append(*e.buffer, piece...)
		}
		if err := e.flushWhenFull(); err != nil {
			return err
		}
	}
	*e.buffer = append(*e.buffer, closing...)
	return nil
}

// End writes everything that is buffered. Nothing follows the last row: the format has no place for it.
func (e *CSVEncoder) End(Summary) error {
	if !e.opened || e.ended || e.closed() {
		return errEncoderState
	}
	e.ended = true
	return e.flush(len(*e.buffer))
}

// Close gives the buffers back. What was not written is dropped. It may be called more than once.
func (e *CSVEncoder) Close() {
	if !e.closed() {
		e.release()
	}
}
