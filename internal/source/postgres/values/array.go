package values

import (
	"encoding/binary"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

const maxDimensions = 6 // PostgreSQL's limit

// decodeArray writes an array as nested JSON arrays. Lower bounds are not shown, as in to_json. On the wire an array is
// the count of dimensions, a flag, the element's type, length and lower bound of each dimension, and then each element
// with its length, -1 for NULL.
func (c *cell) decodeArray(src []byte, value *source.Value) error {
	if len(src) < 12 {
		return errWire
	}
	count := binary.BigEndian.Uint32(src)
	src = src[12:]
	if count > maxDimensions || len(src) < 8*int(count) {
		return errWire
	}
	dimensions := int(count)
	if dimensions == 0 {
		c.Text = append(c.Text[:0], "[]"...)
		value.Kind, value.Bytes = source.KindJSON, c.Text
		return nil
	}
	var sizes [maxDimensions]int
	size := sizes[:dimensions]
	if !readSizes(src, size) {
		return errWire
	}
	dst, err := c.appendElements(c.Text[:0], src[8*dimensions:], size)
	if err != nil {
		return err
	}
	c.Text = dst
	value.Kind, value.Bytes = source.KindJSON, dst
	return nil
}

// readSizes sets size[d] to the count of elements below one entry of dimension d, so that size[0] is the count of all,
// from the length of each dimension. It reports whether src is long enough to hold them.
func readSizes(src []byte, size []int) bool {
	elements := 1
	for d := range slices.Backward(size) {
		length := int(int32(binary.BigEndian.Uint32(src[8*d:])))
		if length < 1 || length > len(src) {
			return false
		}
		elements *= length
		if elements > len(src) { // each element takes at least 4 bytes
			return false
		}
		size[d] = elements
	}
	return true
}

// appendElements writes the elements, with a bracket wherever an entry of a dimension begins or ends.
func (c *cell) appendElements(dst, src []byte, size []int) ([]byte, error) {
	for i := range size[0] {
		if i > 0 {
			dst = append(dst, ',')
		}
		for _, n := range size {
			if i%n == 0 {
				dst = append(dst, '[')
			}
		}
		var err error
		if dst, src, err = c.appendElement(dst, src); err != nil {
			return nil, err
		}
		if len(dst) > MaxRow { // a few bytes on the wire can be a numeric of 147,000 characters
			return nil, ErrRowTooLarge
		}
		for _, n := range size {
			if (i+1)%n == 0 {
				dst = append(dst, ']')
			}
		}
	}
	return dst, nil
}

// appendElement writes the element at the head of src and returns what follows it.
func (c *cell) appendElement(dst, src []byte) (written, rest []byte, err error) {
	if len(src) < 4 {
		return nil, nil, errWire
	}
	length := int(int32(binary.BigEndian.Uint32(src)))
	src = src[4:]
	if length < 0 {
		return append(dst, "null"...), src, nil
	}
	if length > len(src) {
		return nil, nil, errWire
	}
	if err := c.Decode(src[:length], &c.Element, &c.item); err != nil {
		return nil, nil, err
	}
	return result.AppendJSON(dst, c.item), src[length:], nil
}
