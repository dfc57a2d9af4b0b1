package result

import (
	"encoding/binary"
	"slices"
)

// twoDigits holds every number from 00 to 99 as its two characters, the first in the lower byte.
var twoDigits = func() (table [100]uint16) {
	for n := range uint16(100) {
		table[n] = '0' + n/10 | ('0'+n%10)<<8
	}
	return table
}()

// putTwo writes n, which is less than 100, with two digits. It writes both at once, since numbers, dates and times make up
// most of a result.
func putTwo(dst []byte, n uint32) { binary.LittleEndian.PutUint16(dst, twoDigits[n]) }

// extend makes dst longer by n bytes that are still to be written.
func extend(dst []byte, n int) []byte {
	length := len(dst) + n
	if length > cap(dst) {
		dst = slices.Grow(dst, n)
	}
	return dst[:length]
}
