package sqlite

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// form is how one column's values are read.
type form struct {
	shape shape
	scale int   // of a decimal: digits after the point, or noScale
	limit int64 // of an integer: the largest value; the smallest is -limit-1
	items shape // of an array: how what is in it is read, with scale and limit
	depth int   // of an array: how many arrays an item is in
}

func formOf(t source.Type, scale int) form {
	item, depth := itemOf(t)
	f := form{shape: shapeOf(t), scale: scale, limit: math.MaxInt64, items: shapes[item], depth: depth}
	switch item {
	case source.TypeSmallInt:
		f.limit = math.MaxInt16
	case source.TypeInteger:
		f.limit = math.MaxInt32
	}
	return f
}

// cellReader reads the cells of a statement's row. It allocates nothing once scratch has grown to a row's size: text,
// JSON and blobs are handed on where SQLite keeps them.
type cellReader struct {
	stmt    *sqlite3.Stmt
	scratch []byte // the digits and UUIDs of the row that is being read
	arrays  []byte // its arrays
}

// read reads one cell into v, which holds what was read of the same column before. It reports false for a value that does
// not fit the column's form.
//
// It sets the fields that v's kind uses, which is the same in every row but for NULL, since a result has millions of cells.
func (r *cellReader) read(column int, f form, v *source.Value) bool {
	value := r.stmt.ColumnValue(column) // once, since each of the driver's calls for a column finds it again
	switch value.Type() {
	case sqlite3.NULL:
		*v = source.Value{}
		return true
	case sqlite3.INTEGER:
		return r.integer(column, f, v, value.Int64())
	case sqlite3.FLOAT:
		return r.real(column, f, v, value.Float())
	case sqlite3.TEXT:
		text := value.RawText()
		if text == nil {
			text = r.stmt.ColumnRawText(column) // there is no memory left, as this call says by its panic
		}
		return r.text(f, v, text)
	default:
		return r.blob(f, v, r.stmt.ColumnRawBlob(column))
	}
}

func (r *cellReader) integer(column int, f form, v *source.Value, n int64) bool {
	switch f.shape {
	case shapeInteger:
		v.Kind, v.Int = source.KindInt, n
		return -f.limit-1 <= n && n <= f.limit
	case shapeDecimal:
		start := len(r.scratch)
		r.scratch = strconv.AppendInt(r.scratch, n, 10)
		if f.scale > 0 {
			r.scratch = append(r.scratch, '.')
			for range f.scale {
				r.scratch = append(r.scratch, '0')
			}
		}
		v.Kind, v.Bytes = source.KindDecimal, r.scratch[start:]
		return true
	case shapeDouble, shapeReal:
		return r.real(column, f, v, float64(n)) && exactFloat(n, v.Float)
	case shapeBoolean:
		v.Kind, v.Int = source.KindBool, n
		return n == 0 || n == 1
	case shapeJSON:
		start := len(r.scratch)
		r.scratch = strconv.AppendInt(r.scratch, n, 10)
		v.Kind, v.Bytes = source.KindJSON, r.scratch[start:]
		return true
	case shapeVarchar:
		return r.text(f, v, r.stmt.ColumnRawText(column))
	}
	return false
}

// exactFloat reports whether f is n, digit for digit. 2^63 is a float64 and converts to no int64.
func exactFloat(n int64, f float64) bool { return f < 1<<63 && int64(f) == n }

func (r *cellReader) real(column int, f form, v *source.Value, x float64) bool {
	switch f.shape {
	case shapeDouble:
		v.Kind, v.Float = source.KindFloat64, x
		return true
	case shapeReal:
		v.Kind, v.Float = source.KindFloat32, float64(float32(x))
		return true
	case shapeInteger:
		n := int64(x)
		v.Kind, v.Int = source.KindInt, n
		return -1<<63 <= x && x < 1<<63 && float64(n) == x && -f.limit-1 <= n && n <= f.limit
	case shapeDecimal:
		v.Kind, v.Bytes = source.KindDecimal, r.decimal(x, f.scale)
		return true
	case shapeJSON:
		start := len(r.scratch)
		r.scratch = strconv.AppendFloat(r.scratch, x, 'g', -1, 64)
		v.Kind, v.Bytes = source.KindJSON, r.scratch[start:]
		return !math.IsInf(x, 0)
	case shapeVarchar:
		return r.text(f, v, r.stmt.ColumnRawText(column))
	}
	return false
}

// decimal writes x with exactly scale digits after its point, or with as few digits as identify it.
func (r *cellReader) decimal(x float64, scale int) []byte {
	start := len(r.scratch)
	switch {
	case math.IsInf(x, 1):
		r.scratch = append(r.scratch, "Infinity"...)
	case math.IsInf(x, -1):
		r.scratch = append(r.scratch, "-Infinity"...)
	case scale == noScale:
		r.scratch = result.AppendPlainFloat(r.scratch, x)
	default:
		r.scratch = strconv.AppendFloat(r.scratch, x, 'f', scale, 64)
	}
	number := r.scratch[start:]
	if number[0] == '-' && isZero(number[1:]) {
		return number[1:] // -0.001 rounds to 0.00: a decimal has no negative zero
	}
	return number
}

func isZero(number []byte) bool {
	for _, c := range number {
		if c != '0' && c != '.' {
			return false
		}
	}
	return true
}

func (r *cellReader) text(f form, v *source.Value, b []byte) bool {
	switch f.shape {
	case shapeVarchar:
		v.Kind, v.Bytes = source.KindText, b
		return utf8.Valid(b)
	case shapeDecimal:
		v.Kind, v.Bytes = source.KindDecimal, b
		return isPlainNumber(b)
	case shapeDate:
		days, rest, ok := readDate(b)
		v.Kind, v.Int = source.KindDate, days
		return ok && len(rest) == 0
	case shapeTime:
		microseconds, rest, ok := readTime(b)
		v.Kind, v.Int = source.KindTime, microseconds
		return ok && len(rest) == 0
	case shapeTimestamp:
		microseconds, zoned, ok := readTimestamp(b)
		v.Kind, v.Int = source.KindTimestamp, microseconds
		return ok && !zoned
	case shapeTimestampTZ:
		microseconds, _, ok := readTimestamp(b)
		v.Kind, v.Int = source.KindTimestampTZ, microseconds
		return ok
	case shapeUUID:
		return r.uuid(v, b)
	case shapeJSON:
		v.Kind, v.Bytes = source.KindJSON, b
		return utf8.Valid(b) && json.Valid(b)
	case shapeArray:
		return r.array(f, v, b)
	}
	return false
}

func (r *cellReader) blob(f form, v *source.Value, b []byte) bool {
	switch {
	case f.shape == shapeBinary:
		v.Kind, v.Bytes = source.KindBinary, b
		return true
	case f.shape == shapeUUID && len(b) == 16:
		v.Kind, v.Bytes = source.KindUUID, b
		return true
	}
	return false
}

// uuid reads the form of 36 characters (RFC 9562, 4), in either case.
func (r *cellReader) uuid(v *source.Value, b []byte) bool {
	if len(b) != 36 || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return false
	}
	start := len(r.scratch)
	for _, group := range [...][2]int{{0, 8}, {9, 13}, {14, 18}, {19, 23}, {24, 36}} {
		var err error
		if r.scratch, err = hex.AppendDecode(r.scratch, b[group[0]:group[1]]); err != nil {
			return false
		}
	}
	v.Kind, v.Bytes = source.KindUUID, r.scratch[start:]
	return true
}

// isPlainNumber reports whether b is a number of JSON's grammar (RFC 8259, 6) without an exponent.
func isPlainNumber(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	whole := 0
	for whole < len(b) && isDigit(b[whole]) {
		whole++
	}
	if whole == 0 || whole > 1 && b[0] == '0' {
		return false
	}
	if whole == len(b) {
		return true
	}
	_, ok := digits(b[whole+1:])
	return b[whole] == '.' && whole+1 < len(b) && ok
}
