package result

import (
	"bufio"
	"io"
)

// Buffer is what is between an encoder of a library and the writer: it tells a [Beginning] when the first bytes pass. The libraries close
// a writer that can be closed; this one cannot.
type Buffer struct {
	*bufio.Writer
	out *announced
}

// NewBuffer makes a buffer, of 32 KiB. Before may be nil.
func NewBuffer(w io.Writer, before Beginning) Buffer {
	out := &announced{w: w, before: before}
	return Buffer{Writer: bufio.NewWriterSize(out, 32<<10), out: out}
}

// End hands over what is left.
func (b Buffer) End() error {
	b.out.begin(b.Buffered()) // which does nothing when something was written before
	return b.Flush()
}

type announced struct {
	w      io.Writer
	before Beginning // nil once called
}

func (a *announced) Write(p []byte) (int, error) {
	a.begin(-1)
	return a.w.Write(p)
}

func (a *announced) begin(size int) {
	if a.before != nil {
		a.before.Begin(size)
		a.before = nil
	}
}
