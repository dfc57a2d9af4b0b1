package columnar

import (
	"io"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/parquet-go/parquet-go"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// rowGroupBytes is how many bytes of values make a row group: it is laid out by column, so that its first bytes are known
// when its last row is, and is held in memory until then.
const rowGroupBytes = 8 << 20

// ParquetEncoder is a [result.Encoder] that writes an Apache Parquet file, compressed with Snappy, whose encoder takes next
// to no memory. It holds one row group, some 8 MiB of values, in memory. What the format has no field for is in the
// file's key-value metadata: data_api.row_count, data_api.truncated, data_api.max_rows and data_api.executed_at. It is not
// safe for concurrent use.
type ParquetEncoder struct {
	batches
	file *parquet.GenericWriter[any]
	rows rowMaker
	held int // bytes of values in the row group
}

var _ result.Encoder = (*ParquetEncoder)(nil)

// Parquet is an Apache Parquet file. Its encoder gathers a row group, and is counted instead of measured.
var Parquet = &result.Format{
	Name: "Parquet", Suffix: "parquet", MediaType: parquetType, ContentType: parquetType, Download: true, Gathers: true,
	Schema: result.SchemaBinary, Memory: 160 << 10,
	Encoder: func(w io.Writer, options result.EncoderOptions) result.Encoder {
		return NewParquet(w, options.BeforeFirstWrite)
	},
}

const parquetType = "application/vnd.apache.parquet"

// NewParquet makes an encoder that writes to w. Before may be nil. Close it, whether or not the result ends.
func NewParquet(w io.Writer, before result.Beginning) *ParquetEncoder {
	e := &ParquetEncoder{batches: batches{out: result.NewBuffer(w, before)}}
	e.write = e.writeRows
	return e
}

// Columns makes the schema.
func (e *ParquetEncoder) Columns(columns []source.Column) error {
	if err := e.begin(columns); err != nil {
		return err
	}
	schema := parquetSchema(e.batch.schema())
	options := []parquet.WriterOption{parquet.Compression(&parquet.Snappy), parquet.CreatedBy("Data API for Caddy", "", "")}
	e.file = parquet.NewGenericWriter[any](e.out, append(append(options, schema), withoutBounds(schema)...)...)
	return nil
}

func (e *ParquetEncoder) writeRows() error {
	e.held += e.batch.bytes
	record := e.batch.take()
	defer record.Release()
	if err := e.rows.write(e.file, record); err != nil {
		return err
	}
	if e.held < rowGroupBytes {
		return nil
	}
	e.held = 0
	return e.file.Flush()
}

// End writes the last row group and the footer.
func (e *ParquetEncoder) End(summary result.Summary) error {
	if err := e.last(); err != nil {
		return err
	}
	e.file.SetKeyValueMetadata("data_api.row_count", strconv.Itoa(summary.RowCount))
	e.file.SetKeyValueMetadata("data_api.truncated", strconv.FormatBool(summary.Truncated))
	e.file.SetKeyValueMetadata("data_api.max_rows", strconv.Itoa(summary.MaxRows))
	e.file.SetKeyValueMetadata("data_api.executed_at", summary.ExecutedAt.UTC().Format(time.RFC3339))
	if err := e.file.Close(); err != nil {
		return err
	}
	return e.out.End()
}

// parquetSchema is the schema of a file that holds what an Arrow schema describes.
func parquetSchema(schema *arrow.Schema) *parquet.Schema {
	root := orderedGroup{}
	for _, field := range schema.Fields() {
		root.fields = append(root.fields, namedNode{parquet.Optional(parquetNode(field.Type)), field.Name})
	}
	return parquet.NewSchema("result", root)
}

// withoutBounds leaves out the least and the greatest text of each page and row group: they would be in the file in full,
// several times, and be held in memory until its end, whatever their length.
func withoutBounds(schema *parquet.Schema) (options []parquet.WriterOption) {
	for _, path := range schema.Columns() {
		if leaf, ok := schema.Lookup(path...); ok && leaf.Node.Type().Kind() == parquet.ByteArray {
			options = append(options, parquet.SkipPageBounds(path...), parquet.SkipPageStatistics(path...))
		}
	}
	return options
}
