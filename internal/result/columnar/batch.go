package columnar

import (
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

const (
	firstBytes = 32 << 10  // of values, after which the first batch is written, so that a slow result begins early
	batchBytes = 512 << 10 // likewise, for the later ones, each of which may be twice as large as the one before
	batchRows  = 64 << 10  // after which any batch is written, for columns that take next to no bytes
	cellBytes  = 8         // that a value counts beside its text
)

var errEncoderState = errors.New("the encoder's methods were called out of order")

// batch gathers rows by column until there are enough of them. It allocates per batch, not per row.
type batch struct {
	columns []source.Column
	rows    *array.RecordBuilder
	puts    []appender
	count   int // rows of the batch
	bytes   int // of the batch
	limit   int // on bytes
	total   int // rows of the result
}

func newBatch(columns []source.Column) *batch {
	b := &batch{columns: columns, rows: array.NewRecordBuilder(memory.DefaultAllocator, schemaOf(columns)), limit: firstBytes}
	for i, builder := range b.rows.Fields() {
		b.puts = append(b.puts, appenderOf(builder, columns[i].Type))
	}
	return b
}

func (b *batch) schema() *arrow.Schema { return b.rows.Schema() }

// add puts a row into the batch. After an error the batch is of no use.
func (b *batch) add(values []source.Value) error {
	if len(values) != len(b.puts) {
		return errEncoderState
	}
	b.total++
	for i := range values {
		value := &values[i]
		b.bytes += cellBytes + len(value.Bytes)
		if value.Kind == source.KindNull {
			b.rows.Field(i).AppendNull()
		} else if !b.puts[i](value) {
			return dataapi.Errorf(dataapi.CodeNotAcceptable,
				"Row %d: the value of %s has no exact place in the type %s of this format. Ask for JSON, NDJSON or CSV.",
				b.total, b.columns[i].Name, b.rows.Schema().Field(i).Type)
		}
	}
	b.count++
	return nil
}

func (b *batch) full() bool { return b.bytes >= b.limit || b.count >= batchRows }

// take hands the gathered rows over, and begins a new batch.
func (b *batch) take() arrow.RecordBatch {
	b.bytes, b.count, b.limit = 0, 0, min(2*b.limit, batchBytes)
	return b.rows.NewRecordBatch()
}

func (b *batch) release() { b.rows.Release() }
