package result

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// RowScanner finds where the rows of a result are in the JSON that [JSONEncoder] wrote, without decoding them and in
// constant memory: a cell may be of any size. It believes what it reads to be such JSON, and reports where it is not
// only as far as it would lose its way. It is not safe for concurrent use.
type RowScanner struct {
	in     *bufio.Reader
	offset int64
}

// ErrNoRows says that a text is not the JSON of a result where rows were looked for.
var ErrNoRows = errors.New("this is not the JSON of a result")

// rowsBegin is what [JSONEncoder] writes between the columns and the first row. Column names cannot hold it, since
// quotation marks inside of them are escaped.
const rowsBegin = `],"rows":[`

// NewRowScanner reads from where in is, which is at this offset of the result: 0, or a place that Next returned.
func NewRowScanner(in io.Reader, offset int64) *RowScanner {
	return &RowScanner{in: bufio.NewReaderSize(in, 32<<10), offset: offset}
}

// Begin moves from the beginning of a result to its first row, and returns that place: what comes before it is the
// columns. It must be called first, at offset 0.
func (s *RowScanner) Begin() (int64, error) {
	for matched := 0; matched < len(rowsBegin); {
		c, err := s.next()
		if err != nil {
			return 0, err
		}
		switch c {
		case rowsBegin[matched]:
			matched++
		case rowsBegin[0]:
			matched = 1 // no proper prefix of rowsBegin but this one begins inside of it
		default:
			matched = 0
		}
	}
	return s.offset, nil
}

// Next moves over one row, and over the comma behind it. It returns the place behind the row, and that of the next row,
// which is 0 when there is none. When it is behind the last row already it returns io.EOF.
func (s *RowScanner) Next() (end, next int64, err error) {
	c, err := s.next()
	if err != nil {
		return 0, 0, err
	}
	switch c {
	case ']':
		return 0, 0, io.EOF
	case '{':
	default:
		return 0, 0, ErrNoRows
	}
	if err := s.closeObject(); err != nil {
		return 0, 0, err
	}
	end = s.offset
	switch c, err := s.next(); {
	case err != nil:
		return 0, 0, err
	case c == ',':
		return end, s.offset, nil
	case c == ']':
		// The scanner is on the bracket again, so that the next call meets the end too.
		s.offset--
		return end, 0, s.in.UnreadByte()
	default:
		return 0, 0, ErrNoRows
	}
}

// closeObject moves behind the end of an object whose opening brace was read.
func (s *RowScanner) closeObject() error {
	for depth := 1; depth > 0; {
		c, err := s.next()
		if err != nil {
			return err
		}
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			if err := s.closeString(); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeString moves behind the end of a string whose opening quotation mark was read.
func (s *RowScanner) closeString() error {
	for {
		if _, err := s.in.Peek(1); err != nil {
			return broken(err)
		}
		// A small window, since it is looked through again behind each backslash.
		window, _ := s.in.Peek(min(s.in.Buffered(), 256))
		quote := bytes.IndexByte(window, '"')
		if quote >= 0 {
			window = window[:quote]
		}
		if escape := bytes.IndexByte(window, '\\'); escape >= 0 {
			s.skip(escape + 1)
			if _, err := s.next(); err != nil { // what the backslash escapes
				return err
			}
			continue
		}
		if quote >= 0 {
			s.skip(quote + 1)
			return nil
		}
		s.skip(len(window))
	}
}

func (s *RowScanner) next() (byte, error) {
	c, err := s.in.ReadByte()
	if err != nil {
		return 0, broken(err)
	}
	s.offset++
	return c, nil
}

func (s *RowScanner) skip(n int) {
	discarded, _ := s.in.Discard(n) // no more than is buffered: it cannot fail
	s.offset += int64(discarded)
}

// broken tells a text that ends too early from the end of the rows.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return ErrNoRows
	}
	return err
}
