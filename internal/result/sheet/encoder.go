package sheet

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// MaxRows is how many rows a sheet has at most, the one with the names of the columns included. What follows goes on in a further
// sheet, with the names again.
const MaxRows = 1_048_576

// The other limits of spreadsheets. What exceeds them is refused.
const (
	maxColumns = 16_384
	maxText    = 32_767 // UTF-16 units of one cell
)

// XLSX is a workbook. It is compressed row by row.
var XLSX = &result.Format{
	Name: "XLSX", Suffix: "xlsx", MediaType: mediaType, ContentType: mediaType, Download: true, Schema: result.SchemaBinary,
	Memory: 1536 << 10, // the windows of the compressor
	Encoder: func(w io.Writer, options result.EncoderOptions) result.Encoder {
		return newEncoder(w, MaxRows, options.BeforeFirstWrite)
	},
}

const mediaType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

var errState = errors.New("the encoder's methods were called out of order")

// encoder is a [result.Encoder] that writes a workbook. It is not safe for concurrent use.
type encoder struct {
	out     result.Buffer // before the compressor's output reaches the reader
	archive *zip.Writer
	maxRows int

	columns []source.Column
	letters []string  // of the columns
	sheet   io.Writer // the part that is being written
	sheets  int
	rows    int // of the sheet
	row     []byte
	ended   bool
}

func newEncoder(w io.Writer, maxRows int, before result.Beginning) *encoder {
	e := &encoder{out: result.NewBuffer(w, before), maxRows: maxRows}
	e.archive = zip.NewWriter(e.out)
	e.archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	return e
}

// Columns begins the first sheet.
func (e *encoder) Columns(columns []source.Column) error {
	if e.columns != nil || e.ended {
		return errState
	}
	if len(columns) > maxColumns {
		return dataapi.Errorf(dataapi.CodeNotAcceptable,
			"A spreadsheet has %d columns at most, and this result has %d. Take another format.", maxColumns, len(columns))
	}
	e.columns = append([]source.Column{}, columns...)
	for i := range columns {
		e.letters = append(e.letters, letters(i))
	}
	for _, part := range [][2]string{{"[Content_Types].xml", contentTypes}, {"_rels/.rels", rootRelations}, {"xl/styles.xml", styles}} {
		if err := e.part(part[0], part[1]); err != nil {
			return err
		}
	}
	return e.beginSheet()
}

// part writes a whole part of the package.
func (e *encoder) part(name, content string) error {
	w, err := e.archive.Create(name)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	return err
}

func (e *encoder) beginSheet() (err error) {
	e.sheets++
	if e.sheet, err = e.archive.Create(fmt.Sprintf("xl/worksheets/sheet%d.xml", e.sheets)); err != nil {
		return err
	}
	e.rows = 1
	e.row = e.beginRow(append(e.row[:0], sheetBegin...))
	for i, column := range e.columns {
		if e.row, err = appendString(e.row, place{e.letters[i], e.rows}, []byte(column.Name), headerStyle); err != nil {
			return err
		}
	}
	return e.writeRow()
}

func (e *encoder) beginRow(dst []byte) []byte {
	return append(strconv.AppendInt(append(dst, `<row r="`...), int64(e.rows), 10), `">`...)
}

func (e *encoder) writeRow() error {
	_, err := e.sheet.Write(append(e.row, "</row>"...))
	return err
}

func (e *encoder) endSheet() error {
	_, err := io.WriteString(e.sheet, sheetEnd)
	return err
}

// Row writes a row. A value that no cell can hold is a dataapi.CodeNotAcceptable.
func (e *encoder) Row(values []source.Value) (err error) {
	if e.columns == nil || e.ended || len(values) != len(e.columns) {
		return errState
	}
	if e.rows == e.maxRows {
		if err := errors.Join(e.endSheet(), e.beginSheet()); err != nil {
			return err
		}
	}
	e.rows++
	e.row = e.beginRow(e.row[:0])
	for i := range values {
		if e.row, err = appendCell(e.row, place{e.letters[i], e.rows}, &values[i]); err != nil {
			if failure := dataapi.AsError(err); failure.Code == dataapi.CodeNotAcceptable {
				err = dataapi.Errorf(failure.Code, "The column %s: %s", e.columns[i].Name, failure.Detail)
			}
			return err
		}
	}
	return e.writeRow()
}

// End writes what says which sheets there are.
func (e *encoder) End(result.Summary) error {
	if e.columns == nil || e.ended {
		return errState
	}
	e.ended = true
	if err := e.endSheet(); err != nil {
		return err
	}
	var sheets, relations strings.Builder
	for i := 1; i <= e.sheets; i++ {
		fmt.Fprintf(&sheets, `<sheet name="Sheet%d" sheetId="%[1]d" r:id="sheet%[1]d"/>`, i)
		fmt.Fprintf(&relations, `<Relationship Id="sheet%d" Type="`+relationsOf+`/worksheet" Target="worksheets/sheet%[1]d.xml"/>`, i)
	}
	if err := errors.Join(
		e.part("xl/workbook.xml", workbookBegin+sheets.String()+workbookEnd),
		e.part("xl/_rels/workbook.xml.rels", relationsBegin+relations.String()+stylesRelation+relationsEnd),
		e.archive.Close(),
	); err != nil {
		return err
	}
	return e.out.End()
}

// Close drops what was not written. It may be called more than once.
func (e *encoder) Close() { e.ended = true }
