package columnar

import (
	"io"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/solucao42/caddy-data-api/internal/result"
)

// rowGroupBytes is how much of a file, compressed, is held before it is written: a row group is laid out by column, so
// that its first bytes are known when its last row is.
const rowGroupBytes = 8 << 20

// ParquetEncoder is a [result.Encoder] that writes an Apache Parquet file, compressed with zstd. It holds one row group in
// memory, some 16 MiB. What the format has no field for stands in the file's key-value metadata: data_api.row_count,
// data_api.truncated, data_api.max_rows and data_api.executed_at. It is not safe for concurrent use.
type ParquetEncoder struct {
	out   buffered
	batch *batch
	file  *pqarrow.FileWriter
	ended bool
}

var _ result.Encoder = (*ParquetEncoder)(nil)

// NewParquet makes an encoder that writes to w. Before may be nil. Close it, whether or not the result ends.
func NewParquet(w io.Writer, before result.BeforeFirstWrite) *ParquetEncoder {
	return &ParquetEncoder{out: newBuffered(w, before)}
}

// ContentType is the media type of Parquet.
func (e *ParquetEncoder) ContentType() string { return result.FormatParquet.ContentType() }

// Columns makes the schema.
func (e *ParquetEncoder) Columns(columns []result.Column) (err error) {
	if e.batch != nil || e.ended {
		return errEncoderState
	}
	e.batch = newBatch(columns)
	e.file, err = pqarrow.NewFileWriter(e.batch.schema(), struct{ io.Writer }{e.out},
		parquet.NewWriterProperties(
			parquet.WithCompression(compress.Codecs.Zstd),
			parquet.WithVersion(parquet.V2_LATEST),
			parquet.WithCreatedBy("Data API for Caddy"),
		),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	return err
}

// Row adds a row. A value that has no exact place in its column's type is a dataapi.CodeNotAcceptable.
func (e *ParquetEncoder) Row(values []result.Value) error {
	if e.batch == nil || e.ended {
		return errEncoderState
	}
	if err := e.batch.add(values); err != nil {
		return err
	}
	if !e.batch.full() {
		return nil
	}
	return e.write()
}

func (e *ParquetEncoder) write() error {
	record := e.batch.take()
	defer record.Release()
	if err := e.file.WriteBuffered(record); err != nil {
		return err
	}
	if e.file.RowGroupTotalBytesWritten() >= rowGroupBytes {
		return e.file.NewBufferedRowGroupChecked()
	}
	return nil
}

// End writes the last row group and the footer.
func (e *ParquetEncoder) End(summary result.Summary) error {
	if e.batch == nil || e.ended {
		return errEncoderState
	}
	e.ended = true
	if e.batch.count > 0 {
		if err := e.write(); err != nil {
			return err
		}
	}
	for _, entry := range [][2]string{
		{"data_api.row_count", strconv.Itoa(summary.RowCount)},
		{"data_api.truncated", strconv.FormatBool(summary.Truncated)},
		{"data_api.max_rows", strconv.Itoa(summary.MaxRows)},
		{"data_api.executed_at", summary.ExecutedAt.UTC().Format(time.RFC3339)},
	} {
		if err := e.file.AppendKeyValueMetadata(entry[0], entry[1]); err != nil {
			return err
		}
	}
	if err := e.file.Close(); err != nil {
		return err
	}
	return e.out.end()
}

// Close frees what is held. It may be called more than once.
func (e *ParquetEncoder) Close() {
	e.ended = true
	if e.batch != nil {
		e.batch.release()
		e.batch = nil
	}
}
