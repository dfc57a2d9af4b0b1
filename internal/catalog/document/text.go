package document

import (
	"bytes"
	"crypto/sha256"
	"unicode/utf8"
)

// TextFaults are the first thing in a text that no file of the catalog may hold, whatever it says; none: it can be read.
func TextFaults(file string, text []byte) Diagnostics {
	report := Report{File: file}
	plainText(text, &report)
	return report.All()
}

// plainText returns the text of a file as everybody below reads it: UTF-8 without a byte order mark, lines that end with
// LF. What an editor or a checkout of Git makes of line ends changes neither the places of diagnostics nor the values of texts
// that have several lines. It returns false, and reports, when the file holds what no file of the catalog may hold.
func plainText(text []byte, r *Report) ([]byte, bool) {
	if bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}) {
		r.Fault(Place{1, 1}, "the file must be UTF-8; this one begins as UTF-16 does: save it as UTF-8")
		return nil, false
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	return text, checkText(text, r)
}

// checkText refuses what no file of the catalog may hold. A carriage return alone ends a line for YAML and for PostgreSQL,
// and not for SQLite: a comment could end for one reader, and go on for another.
func checkText(text []byte, r *Report) bool {
	for offset := 0; offset < len(text); {
		character, size := utf8.DecodeRune(text[offset:])
		switch {
		case character == utf8.RuneError && size == 1:
			r.Fault(placeOf(text, offset), "the file must be UTF-8; here is the byte 0x%02x", text[offset])
			return false
		case character == 0:
			r.Fault(placeOf(text, offset), "the file must not contain the NUL character")
			return false
		case character == '\r':
			r.Fault(placeOf(text, offset), "there is a carriage return here without a line feed behind it; lines end with LF or CRLF")
			return false
		}
		offset += size
	}
	return true
}

// placeOf maps the offset of a byte in a file to its place.
func placeOf(text []byte, offset int) Place {
	before := text[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return Place{bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1}
}

// Digest tells the contents of documents apart.
func Digest(text []byte) [32]byte { return sha256.Sum256(text) }
