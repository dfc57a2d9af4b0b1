package columnar

import (
	"encoding/binary"
	"reflect"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/parquet-go/parquet-go"
)

// orderedGroup is a group whose fields are in the order of the columns; parquet.Group sorts them by name.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

// Fields implements [parquet.Node].
func (g orderedGroup) Fields() []parquet.Field { return g.fields }

// namedNode is a field of an orderedGroup.
type namedNode struct {
	parquet.Node
	name string
}

// Name implements [parquet.Field].
func (n namedNode) Name() string { return n.name }

// Value implements [parquet.Field]. Rows are made of values, and never of Go structs.
func (namedNode) Value(reflect.Value) reflect.Value { panic("columnar: rows are no structs") }

// decimalWidth is the bytes of a decimal in Parquet. One of more than 38 digits is text: readers such as DuckDB and Spark know no wider
// decimals, and would make a float of it.
const decimalWidth = 16

// parquetNode is the Parquet type of what an Arrow type holds, but for NULL.
func parquetNode(typ arrow.DataType) parquet.Node {
	switch typ := typ.(type) {
	case *arrow.Int16Type:
		return parquet.Int(16)
	case *arrow.Int32Type:
		return parquet.Int(32)
	case *arrow.Int64Type:
		return parquet.Int(64)
	case *arrow.Float32Type:
		return parquet.Leaf(parquet.FloatType)
	case *arrow.Float64Type:
		return parquet.Leaf(parquet.DoubleType)
	case *arrow.BooleanType:
		return parquet.Leaf(parquet.BooleanType)
	case *arrow.Decimal128Type:
		return parquet.Decimal(int(typ.Scale), int(typ.Precision), parquet.FixedLenByteArrayType(decimalWidth))
	case *arrow.Date32Type:
		return parquet.Date()
	case *arrow.Time64Type:
		return parquet.TimeAdjusted(parquet.Microsecond, false)
	case *arrow.TimestampType:
		return parquet.TimestampAdjusted(parquet.Microsecond, typ.TimeZone != "")
	case *arrow.FixedSizeBinaryType:
		return parquet.UUID()
	case *arrow.ListType:
		return parquet.List(parquet.Optional(parquetNode(typ.Elem())))
	case *arrow.BinaryType:
		return parquet.Leaf(parquet.ByteArrayType)
	default:
		return parquet.String()
	}
}

// rowMaker makes rows of Parquet's values, one after the other in the same memory.
type rowMaker struct {
	row     parquet.Row
	scratch []byte // of the row's decimals
}

func (m *rowMaker) write(file *parquet.GenericWriter[any], record arrow.RecordBatch) error {
	for i := range int(record.NumRows()) {
		m.row, m.scratch = m.row[:0], m.scratch[:0]
		for column, values := range record.Columns() {
			m.put(values, i, column, 0, 0)
		}
		if _, err := file.WriteRows([]parquet.Row{m.row}); err != nil {
			return err
		}
	}
	return nil
}

// put appends the value at an index. Repetition says at which level of lists it goes on, 0 for a new row; defined is how
// many of the optional and repeated nodes above it are there (Dremel's levels, as Parquet has them).
func (m *rowMaker) put(values arrow.Array, index, column, repetition, defined int) {
	if values.IsNull(index) {
		m.row = append(m.row, parquet.NullValue().Level(repetition, defined, column))
		return
	}
	defined++
	list, ok := values.(*array.List)
	if !ok {
		m.row = append(m.row, m.value(values, index).Level(repetition, defined, column))
		return
	}
	begin, end := list.ValueOffsets(index)
	if begin == end {
		m.row = append(m.row, parquet.NullValue().Level(repetition, defined, column))
		return
	}
	depth := defined/2 + 1 // each list around it is two nodes
	for i := begin; i < end; i++ {
		m.put(list.ListValues(), int(i), column, repetition, defined+1)
		repetition = depth
	}
}

// value is a value that is not NULL and no list.
func (m *rowMaker) value(values arrow.Array, index int) parquet.Value {
	switch values := values.(type) {
	case *array.Int16:
		return parquet.Int32Value(int32(values.Value(index)))
	case *array.Int32:
		return parquet.Int32Value(values.Value(index))
	case *array.Int64:
		return parquet.Int64Value(values.Value(index))
	case *array.Float32:
		return parquet.FloatValue(values.Value(index))
	case *array.Float64:
		return parquet.DoubleValue(values.Value(index))
	case *array.Boolean:
		return parquet.BooleanValue(values.Value(index))
	case *array.Decimal128:
		return m.decimal(values.Value(index))
	case *array.Decimal256:
		scale := values.DataType().(*arrow.Decimal256Type).Scale
		return parquet.ByteArrayValue([]byte(values.Value(index).ToString(scale)))
	case *array.Date32:
		return parquet.Int32Value(int32(values.Value(index)))
	case *array.Time64:
		return parquet.Int64Value(int64(values.Value(index)))
	case *array.Timestamp:
		return parquet.Int64Value(int64(values.Value(index)))
	case *array.FixedSizeBinary:
		return parquet.FixedLenByteArrayValue(values.Value(index))
	case *array.Binary:
		return parquet.ByteArrayValue(values.Value(index))
	default:
		text := values.(*array.String)
		begin := text.ValueOffset(index) - text.ValueOffset(0)
		return parquet.ByteArrayValue(text.ValueBytes()[begin : begin+text.ValueLen(index)])
	}
}

// decimal writes a number as big-endian two's complement.
func (m *rowMaker) decimal(n decimal128.Num) parquet.Value {
	start := len(m.scratch)
	m.scratch = binary.BigEndian.AppendUint64(m.scratch, uint64(n.HighBits()))
	m.scratch = binary.BigEndian.AppendUint64(m.scratch, n.LowBits())
	return parquet.FixedLenByteArrayValue(m.scratch[start:])
}
