package sqlite

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"
)

// SQLite looks at its interruption between the instructions of a statement, and never inside a function. Some of its own
// functions take time in the product of the lengths of their arguments: one call of trim with two texts of a megabyte
// runs for hours, and nothing can end it. These take time in the sum, and give the same results.
func registerFunctions(db *sqlite3.Conn) error {
	const flags = sqlite3.DETERMINISTIC | sqlite3.INNOCUOUS
	var failures []error
	for _, f := range []struct {
		name      string
		arguments int
		function  sqlite3.ScalarFunction
	}{
		{"instr", 2, instr},
		{"replace", 3, replace},
		{"trim", 2, func(c sqlite3.Context, args ...sqlite3.Value) { trim(c, args, true, true) }},
		{"ltrim", 2, func(c sqlite3.Context, args ...sqlite3.Value) { trim(c, args, true, false) }},
		{"rtrim", 2, func(c sqlite3.Context, args ...sqlite3.Value) { trim(c, args, false, true) }},
		{"unhex", 2, func(c sqlite3.Context, _ ...sqlite3.Value) {
			c.ResultError(errors.New("unhex with characters to ignore is not available: remove them with replace"))
		}},
	} {
		failures = append(failures, db.CreateFunction(f.name, f.arguments, flags, f.function))
	}
	return errors.Join(failures...)
}

func anyNull(args []sqlite3.Value) bool {
	for _, arg := range args {
		if arg.Type() == sqlite3.NULL {
			return true
		}
	}
	return false
}

// instr counts bytes when both arguments are BLOBs, and otherwise characters, as https://sqlite.org/lang_corefunc.html says.
func instr(c sqlite3.Context, args ...sqlite3.Value) {
	if anyNull(args) {
		return
	}
	if args[0].Type() == sqlite3.BLOB && args[1].Type() == sqlite3.BLOB {
		c.ResultInt(bytes.Index(args[0].RawBlob(), args[1].RawBlob()) + 1)
		return
	}
	// One argument's text may move when the other is made into a text.
	needle := bytes.Clone(args[1].RawText())
	text := args[0].RawText()
	before, _, found := bytes.Cut(text, needle)
	if !found {
		c.ResultInt(0)
		return
	}
	position := 1
	for _, b := range before {
		if utf8.RuneStart(b) {
			position++
		}
	}
	c.ResultInt(position)
}

func replace(c sqlite3.Context, args ...sqlite3.Value) {
	if anyNull(args[:2]) {
		return
	}
	from, to := bytes.Clone(args[1].RawText()), bytes.Clone(args[2].RawText())
	text := args[0].RawText()
	switch {
	case len(from) == 0 || from[0] == 0: // so SQLite tells that there is nothing to look for, before it looks at the third
		resultText(c, text)
		return
	case anyNull(args[2:]):
		return
	}
	if len(text)+bytes.Count(text, from)*(len(to)-len(from)) > maxLength { // before any memory is taken for it
		c.ResultError(sqlite3.TOOBIG)
		return
	}
	resultText(c, bytes.ReplaceAll(text, from, to))
}

// trim removes the characters of the second argument from the ends of the first.
func trim(c sqlite3.Context, args []sqlite3.Value, left, right bool) {
	if anyNull(args) {
		return
	}
	unwanted := make(map[string]bool)
	for set := args[1].RawText(); len(set) > 0 && set[0] != 0; { // to SQLite a NUL ends the list
		length := characterLength(set)
		unwanted[string(set[:length])] = true
		set = set[length:]
	}
	text := args[0].RawText()
	for left && len(text) > 0 {
		length := characterLength(text)
		if !unwanted[string(text[:length])] {
			break
		}
		text = text[length:]
	}
	for right && len(text) > 0 {
		start := len(text) - 1
		for start > 0 && !utf8.RuneStart(text[start]) {
			start--
		}
		if !unwanted[string(text[start:])] {
			break
		}
		text = text[:start]
	}
	resultText(c, text)
}

// resultText returns a text. To the driver an empty slice is NULL.
func resultText(c sqlite3.Context, text []byte) {
	if len(text) == 0 {
		c.ResultText("")
		return
	}
	c.ResultRawText(text)
}

// characterLength is that of the first character in bytes: a byte and all that continue it, as SQLite reads UTF-8.
func characterLength(text []byte) int {
	length := 1
	for text[0] >= utf8.RuneSelf && length < len(text) && !utf8.RuneStart(text[length]) {
		length++
	}
	return length
}
