package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// How much of a result an agent is shown.
const (
	maxRows  = 100
	maxBytes = 32 << 10 // of rows
)

// digest is a result as an agent gets it. It is what [outputSchema] describes.
type digest struct {
	Note       string           `json:"note"` // in words: how much of the result this is, and what to do next
	Columns    json.RawMessage  `json:"columns,omitempty"`
	Rows       []jsontext.Value `json:"rows,omitzero"`
	RowCount   *int64           `json:"row_count,omitempty"` // of the whole result
	Truncated  *bool            `json:"truncated,omitempty"` // there are more rows than those that are shown
	ExecutedAt string           `json:"executed_at,omitempty"`
	JobID      string           `json:"job_id,omitempty"`
	Status     string           `json:"status,omitempty"`
	Endpoint   string           `json:"endpoint,omitempty"`
	Whole      string           `json:"whole_result,omitempty"` // where programs get all of it

	pending bool // there is a job, which its caller may ask for
}

// result is what the API says of a result.
type result struct {
	columns    json.RawMessage
	shown      []jsontext.Value
	rowCount   int64
	limited    bool // by the endpoint's max_rows
	maxRows    int64
	executedAt string
}

// readResult reads a result as the API writes it, to its end, and keeps its first rows. It holds one row in memory beside them.
func readResult(r io.Reader) (result, error) {
	in := jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) // two columns can have one name
	var read result
	if token, err := in.ReadToken(); err != nil || token.Kind() != '{' {
		return read, errors.Join(errNoResult, err)
	}
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return read, err
		}
		if name.String() == "rows" {
			err = read.rows(in)
		} else {
			err = read.member(in, name.String())
		}
		if err != nil {
			return read, err
		}
	}
	_, err := in.ReadToken() // the end of the object: without it the answer was broken off
	return read, err
}

var errNoResult = errors.New("this is no result")

func (r *result) member(in *jsontext.Decoder, name string) error {
	value, err := in.ReadValue()
	if err != nil {
		return err
	}
	switch name {
	case "columns":
		columns, err := plain(value)
		r.columns = json.RawMessage(columns)
		return err
	case "row_count":
		return json.Unmarshal(value, &r.rowCount)
	case "truncated":
		return json.Unmarshal(value, &r.limited)
	case "max_rows":
		return json.Unmarshal(value, &r.maxRows)
	case "executed_at":
		return json.Unmarshal(value, &r.executedAt)
	}
	return nil
}

// rows reads all rows, and keeps the first.
func (r *result) rows(in *jsontext.Decoder) error {
	if _, err := in.ReadToken(); err != nil {
		return err
	}
	room := maxBytes
	for in.PeekKind() == '{' {
		if room < 0 || len(r.shown) == maxRows {
			if err := in.SkipValue(); err != nil {
				return err
			}
			continue
		}
		row, err := in.ReadValue()
		if err != nil {
			return err
		}
		if room -= len(row); room < 0 {
			continue
		}
		kept, err := plain(row)
		if err != nil {
			return err
		}
		r.shown = append(r.shown, kept)
	}
	_, err := in.ReadToken()
	return err
}

// plain copies a value without the characters in its texts that steer a terminal or hide what a text says. Digits stay as they are.
func plain(value jsontext.Value) (jsontext.Value, error) {
	var out bytes.Buffer
	in := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	to := jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		token, err := in.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return bytes.TrimSpace(out.Bytes()), nil
		case err != nil:
			return nil, err
		}
		if token.Kind() == '"' {
			token = jsontext.String(strings.Map(visible, token.String()))
		}
		if err := to.WriteToken(token); err != nil {
			return nil, err
		}
	}
}

// visible drops control characters but line breaks and tabs, and the format characters with which text is hidden or turned
// around (Unicode's categories Cc and Cf), but for the two that scripts join letters with.
func visible(c rune) rune {
	const nonJoiner, joiner = '\u200c', '\u200d'
	switch {
	case c == '\n', c == '\t', c == nonJoiner, c == joiner:
		return c
	case unicode.In(c, unicode.Cc, unicode.Cf):
		return -1
	}
	return c
}

// describe says in words how much of the result is shown.
func (r *result) describe() string {
	shown, all := len(r.shown), r.rowCount
	switch {
	case all == 0:
		return "The query returned no rows."
	case int64(shown) == all && !r.limited:
		return fmt.Sprintf("All %s.", rowsInWords(all))
	}
	total := rowsInWords(all)
	if r.limited {
		total = fmt.Sprintf("more than %s (the endpoint stops at %d)", rowsInWords(all), r.maxRows)
	}
	reason := fmt.Sprintf("at most %d rows or %d KB are shown", maxRows, maxBytes>>10)
	if shown == 0 {
		reason = fmt.Sprintf("the first row alone is longer than %d KB", maxBytes>>10)
	}
	return fmt.Sprintf("This is NOT the whole result: the first %d of %s; %s. Do not compute totals from it. "+
		"Narrow the parameters, or tell the person who asks where the whole result is.", shown, total, reason)
}

func rowsInWords(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}
