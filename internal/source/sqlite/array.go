package sqlite

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// array reads the text of a JSON array, as json_group_array makes it. Each item must be what a cell of the array's type could be, and is
// written as other sources write it: 1 as true where booleans are wanted, a moment with Z with its offset.
func (r *cellReader) array(f form, v *source.Value, text []byte) bool {
	start := len(r.arrays)
	decoder := jsontext.NewDecoder(bytes.NewReader(text))
	if decoder.PeekKind() != '[' || !r.level(f, decoder) {
		return false
	}
	v.Kind, v.Bytes = source.KindJSON, r.arrays[start:]
	_, err := decoder.ReadToken()
	return errors.Is(err, io.EOF) // nothing follows
}

// level reads an array that is depth arrays deep, or null in the place of one.
func (r *cellReader) level(f form, decoder *jsontext.Decoder) bool {
	if decoder.PeekKind() == 'n' {
		_, err := decoder.ReadToken()
		r.arrays = append(r.arrays, "null"...)
		return err == nil
	}
	if begin, err := decoder.ReadToken(); err != nil || begin.Kind() != '[' {
		return false
	}
	r.arrays = append(r.arrays, '[')
	f.depth--
	for n := 0; decoder.PeekKind() != ']'; n++ {
		if n > 0 {
			r.arrays = append(r.arrays, ',')
		}
		if ok := f.depth > 0 && r.level(f, decoder) || f.depth == 0 && r.item(f, decoder); !ok {
			return false
		}
	}
	_, err := decoder.ReadToken()
	r.arrays = append(r.arrays, ']')
	return err == nil
}

// item reads what is in the innermost array.
func (r *cellReader) item(f form, decoder *jsontext.Decoder) bool {
	raw, err := decoder.ReadValue()
	if err != nil {
		return false
	}
	f.shape = f.items
	var value source.Value
	mark := len(r.scratch)
	if raw.Kind() != 'n' && !r.itemValue(f, &value, raw) {
		return false
	}
	r.arrays = result.AppendJSON(r.arrays, value)
	r.scratch = r.scratch[:mark]
	return true
}

func (r *cellReader) itemValue(f form, v *source.Value, raw jsontext.Value) bool {
	if f.shape == shapeJSON {
		v.Kind, v.Bytes = source.KindJSON, raw
		return true
	}
	switch raw.Kind() {
	case '"':
		start := len(r.scratch)
		var err error
		if r.scratch, err = jsontext.AppendUnquote(r.scratch, raw); err != nil {
			return false
		}
		text := r.scratch[start:]
		if f.shape == shapeBinary { // JSON has no bytes: they are as our own results have them
			digits, marked := bytes.CutPrefix(text, []byte(`\x`))
			v.Kind, v.Bytes = source.KindBinary, make([]byte, hex.DecodedLen(len(digits)))
			_, err := hex.Decode(v.Bytes, digits)
			return marked && err == nil
		}
		return r.text(f, v, text)
	case 't', 'f':
		v.Kind = source.KindBool
		if raw.Kind() == 't' {
			v.Int = 1
		}
		return f.shape == shapeBoolean
	case '0':
		return r.itemNumber(f, v, raw)
	default:
		return false
	}
}

func (r *cellReader) itemNumber(f form, v *source.Value, raw jsontext.Value) bool {
	if f.shape == shapeVarchar {
		v.Kind, v.Bytes = source.KindText, raw
		return true
	}
	if f.shape == shapeDecimal && f.scale == noScale && isPlainNumber(raw) { // with every digit
		v.Kind, v.Bytes = source.KindDecimal, raw
		return true
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return r.integer(0, f, v, n)
	}
	x, err := strconv.ParseFloat(string(raw), 64)
	return err == nil && r.real(0, f, v, x)
}
