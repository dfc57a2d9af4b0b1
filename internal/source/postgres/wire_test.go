package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/values"
	"github.com/solucao42/caddy-data-api/source"
)

// pieces is a stream that comes in reads of these lengths, over and over.
type pieces struct {
	rest    []byte
	lengths []byte
	turn    int
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := len(to)
	if len(p.lengths) > 0 {
		n = min(n, 1+int(p.lengths[p.turn%len(p.lengths)]))
		p.turn++
	}
	n = copy(to[:n], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// told describes what a stream says to a reader who uses the driver alone, or also takes rows from the wire.
func told(stream []byte, lengths []byte, rows bool) []string {
	var all []string
	from := &pieces{rest: stream, lengths: lengths}
	w := newWire(from, io.Discard)
	frontend := w.frontend
	if !rows {
		frontend = pgproto3.NewFrontend(from, io.Discard)
		frontend.SetMaxBodyLen(values.MaxRow)
	}
	for {
		for rows {
			row, ok := w.row()
			if !ok {
				break
			}
			var message pgproto3.DataRow
			err := message.Decode(row)
			if fault := agree(row, message.Values, err); fault != "" {
				return append(all, fault)
			}
			if err != nil {
				return append(all, "error")
			}
			all = append(all, fmt.Sprintf("row %q", message.Values))
		}
		message, err := frontend.Receive()
		if err != nil {
			return append(all, "error")
		}
		if row, ok := message.(*pgproto3.DataRow); ok {
			all = append(all, fmt.Sprintf("row %q", row.Values))
			continue
		}
		all = append(all, fmt.Sprintf("%T %+v", message, message))
	}
}

// agree compares what our decoding makes of a row with what the driver's makes of it. Ours takes nothing behind the last value.
func agree(row []byte, received [][]byte, err error) string {
	text := values.Codec{Type: source.TypeVarchar, Format: pgtype.TextFormatCode, Decode: values.DecodeText}
	columns := 0
	if len(row) >= 2 {
		columns = int(binary.BigEndian.Uint16(row))
	}
	p := &plan{columns: make([]source.Column, columns), codecs: slices.Repeat([]values.Codec{text}, columns)}
	r := values.NewReaderFor(p.columns, p.codecs)
	ours := r.ReadMessage(row)
	size := 2
	for _, value := range received {
		size += 4 + len(value)
	}
	switch {
	case err != nil || size < len(row):
		if ours == nil {
			return fmt.Sprintf("a broken row %q was read", row)
		}
	case ours != nil:
		return fmt.Sprintf("row %q: %v", row, ours)
	default:
		for i, value := range received {
			if got := r.Values[i]; string(got.Bytes) != string(value) || (got.Kind == source.KindNull) != (value == nil) {
				return fmt.Sprintf("row %q: value %d is %q", row, i, got.Bytes)
			}
		}
	}
	return ""
}

func message(kind byte, content string) string {
	return string(kind) + string(binary.BigEndian.AppendUint32(nil, uint32(len(content)+4))) + content
}

var (
	smallRow = message('D', "\x00\x02\x00\x00\x00\x01a\xff\xff\xff\xff")
	largeRow = message('D', "\x00\x01\x00\x03\x00\x00"+strings.Repeat("x", 0x30000))
	complete = message('C', "SELECT 1\x00")
	bound    = message('2', "")
	ready    = message('Z', "I")
)

// FuzzWire compares what is read from the wire with what the driver reads by itself.
func FuzzWire(f *testing.F) {
	for _, stream := range []string{
		"", bound + smallRow + complete + ready, bound + strings.Repeat(smallRow, 10_000) + complete + ready,
		smallRow + largeRow + smallRow + complete + ready + bound + smallRow, bound + ready + bound + smallRow + smallRow,
		message('D', "\x00\x01\x00\x00\x00\x02a"), message('D', "\x00\x01\x00\x00\x00\x01ab"), message('D', "\x00"), message('D', "\x00\x01\x80\x00\x00\x00"),
		"D\x00\x00\x00\x04", "D\x00\x00\x00\x03", "D\xff\xff\xff\xff", "D\x7f\xff\xff\xff" + smallRow, smallRow[:7], smallRow + "D\x00", largeRow[:70_000],
	} {
		for _, lengths := range []string{"", "\x00", "\x04", "\xff", "\x01\x0c\x30"} {
			f.Add([]byte(stream), []byte(lengths))
		}
	}
	f.Fuzz(func(t *testing.T, stream, lengths []byte) {
		want, got := told(stream, nil, false), told(stream, lengths, true)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%.300q\nsays %.300q,\nwant %.300q", stream, got, want)
		}
	})
}

// TestWireGoesOnAfterADeadline: what had come before it is not lost, in the middle of a header or of a message.
func TestWireGoesOnAfterADeadline(t *testing.T) {
	stream := bound + smallRow + smallRow + complete
	for cut := range len(stream) {
		w := newWire(io.MultiReader(strings.NewReader(stream[:cut]), &once{iotest.ErrTimeout}, strings.NewReader(stream[cut:])), io.Discard)
		var got bytes.Buffer
		failures := 0
		for got.Len() < len(stream) {
			if row, ok := w.row(); ok {
				got.WriteString(message('D', string(row)))
				continue
			}
			to := make([]byte, 8)
			n, err := w.Read(to)
			got.Write(to[:n])
			if errors.Is(err, iotest.ErrTimeout) {
				failures++
			} else if err != nil {
				t.Fatalf("cut at %d: %v after %q", cut, err, got.String())
			}
		}
		if got.String() != stream || failures != 1 {
			t.Errorf("cut at %d: %d failures, %q", cut, failures, got.String())
		}
	}
}

// once fails the first time, and is empty then.
type once struct{ err error }

func (o *once) Read([]byte) (int, error) {
	err := o.err
	o.err = io.EOF
	return 0, err
}
