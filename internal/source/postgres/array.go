package postgres

import (
	"encoding/binary"

	"github.com/solucao42/caddy-data-api/internal/result"
)

const maxDimensions = 6 // PostgreSQL's limit

// decodeArray writes an array as nested JSON arrays. Lower bounds are not shown, as in to_json. On the wire an array is
// the count of dimensions, a flag, the element's type, length and lower bound of each dimension, and then each element
// with its length, -1 for NULL.
func (c *cell) decodeArray(src []byte) (result.Value, error) {
	if len(src) < 12 {
		return result.Value{}, errWire
	}
	dimensions := int(binary.BigEndian.Uint32(src))
	src = src[12:]
	if dimensions > maxDimensions || len(src) < 8*dimensions {
		return result.Value{}, errWire
	}
	if dimensions == 0 {
		c.text = append(c.text[:0], "[]"...)
		return result.Value{Kind: result.JSON, Bytes: c.text}, nil
	}
	var size [maxDimensions]int // the count of elements below one entry of each dimension
	elements := 1
	for d := dimensions - 1; d >= 0; d-- {
		length := int(int32(binary.BigEndian.Uint32(src[8*d:])))
		if length < 1 || length > len(src) {
			return result.Value{}, errWire
		}
		elements *= length
		if elements > len(src) { // each element takes at least 4 bytes
			return result.Value{}, errWire
		}
		size[d] = elements
	}
	src = src[8*dimensions:]
	dst := c.text[:0]
	for i := range elements {
		if i > 0 {
			dst = append(dst, ',')
		}
		for d := range dimensions {
			if i%size[d] == 0 {
				dst = append(dst, '[')
			}
		}
		if len(src) < 4 {
			return result.Value{}, errWire
		}
		length := int(int32(binary.BigEndian.Uint32(src)))
		src = src[4:]
		if length < 0 {
			dst = append(dst, "null"...)
		} else {
			if length > len(src) {
				return result.Value{}, errWire
			}
			value, err := c.decode(src[:length], &c.element)
			if err != nil {
				return result.Value{}, err
			}
			dst = result.AppendJSON(dst, value)
			src = src[length:]
		}
		for d := range dimensions {
			if (i+1)%size[d] == 0 {
				dst = append(dst, ']')
			}
		}
	}
	c.text = dst
	return result.Value{Kind: result.JSON, Bytes: dst}, nil
}
