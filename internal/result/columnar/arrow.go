package columnar

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// batches is what the encoders share: a batch of rows that is written whenever it is full.
type batches struct {
	out   result.Buffer
	batch *batch
	write func() error // writes the batch and empties it
	ended bool
}

// begin makes the batch.
func (b *batches) begin(columns []source.Column) error {
	if b.batch != nil || b.ended {
		return errEncoderState
	}
	b.batch = newBatch(columns)
	return nil
}

// Row adds a row to the batch, and writes that when it is full. A value that has no exact place in its column's type is a
// dataapi.CodeNotAcceptable.
func (b *batches) Row(values []source.Value) error {
	if b.batch == nil || b.ended {
		return errEncoderState
	}
	if err := b.batch.add(values); err != nil {
		return err
	}
	if !b.batch.full() {
		return nil
	}
	return b.write()
}

// last writes what the batch holds when the result ends.
func (b *batches) last() error {
	if b.batch == nil || b.ended {
		return errEncoderState
	}
	b.ended = true
	if b.batch.count == 0 {
		return nil
	}
	return b.write()
}

// Close frees what is held. It may be called more than once.
func (b *batches) Close() {
	b.ended = true
	if b.batch != nil {
		b.batch.release()
		b.batch = nil
	}
}

// ArrowEncoder is a [result.Encoder] that writes the Apache Arrow IPC streaming format, in record batches of 32 KiB, growing to 512 KiB.
// It holds one batch in memory and allocates per batch. It is not safe for concurrent use.
type ArrowEncoder struct {
	batches
	stream *ipc.Writer
}

var _ result.Encoder = (*ArrowEncoder)(nil)

// Arrow is the Arrow IPC streaming format. A batch is held as it is gathered, and as it is written.
var Arrow = &result.Format{
	Name: "Arrow", Suffix: "arrow", MediaType: arrowType, ContentType: arrowType, Download: true, Schema: result.SchemaBinary, Memory: 2 << 20,
	Encoder: func(w io.Writer, options result.EncoderOptions) result.Encoder {
		return NewArrow(w, options.BeforeFirstWrite)
	},
}

const arrowType = "application/vnd.apache.arrow.stream"

// NewArrow makes an encoder that writes to w. Before may be nil. Close it, whether or not the result ends.
func NewArrow(w io.Writer, before result.Beginning) *ArrowEncoder {
	e := &ArrowEncoder{batches: batches{out: result.NewBuffer(w, before)}}
	e.write = e.writeRecord
	return e
}

// Columns makes the schema, which is written with the first batch.
func (e *ArrowEncoder) Columns(columns []source.Column) error {
	if err := e.begin(columns); err != nil {
		return err
	}
	e.stream = ipc.NewWriter(e.out, ipc.WithSchema(e.batch.schema()))
	return nil
}

func (e *ArrowEncoder) writeRecord() error {
	record := e.batch.take()
	defer record.Release()
	return e.stream.Write(record)
}

// End writes the last batch and the mark of the stream's end, which the format does not need but readers look for.
func (e *ArrowEncoder) End(result.Summary) error {
	if err := e.last(); err != nil {
		return err
	}
	if err := e.stream.Close(); err != nil { // writes the schema if there was no row
		return err
	}
	return e.out.End()
}
