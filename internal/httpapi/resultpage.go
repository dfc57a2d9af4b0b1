package httpapi

import (
	"errors"
	"io"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/result"
)

// How many rows a page of a result holds.
const (
	defaultPage = 1_000
	maxPage     = 10_000
)

// page is a run of rows, by where it is in the bytes of a result.
type page struct {
	columns int64 // the length of what comes before the first row: the columns
	begin   int64 // of the page's first row
	end     int64 // of its last one
	rows    int
	next    fields.Place // of the row behind it; zero: there is none
}

// answerPage answers with some of the rows: those from the cursor on, or the first ones. It reads them twice, once to see
// where the page ends, since the headers name the next page, and once to send them; neither holds more than a buffer.
func (s *results) answerPage(w http.ResponseWriter, r *http.Request, found job.Job, stored *job.ResultReader, query fields.Query) error {
	limit, err := query.Number("limit", defaultPage, maxPage)
	if err != nil {
		return err
	}
	var from fields.Place
	if text, ok := query["cursor"]; ok {
		if from, err = s.cursors.Open(text, found.ID); err != nil {
			return fields.ErrCursor(err)
		}
	}
	page, err := findPage(stored, from, limit)
	if err != nil {
		return err
	}
	summary := pageSummary{
		RowCount: page.rows, Offset: from.Row, TotalRowCount: found.Result.RowCount, Truncated: found.Result.Truncated,
	}
	if page.next != (fields.Place{}) {
		cursor := s.cursors.Seal(page.next, found.ID)
		summary.NextCursor = &cursor
		fields.Query{}.SetNext(w, r, cursor, limit)
	}
	return sendPage(w, stored, page, summary)
}

// pageSummary is what follows the rows of a page.
type pageSummary struct {
	RowCount      int     `json:"row_count"` // of this page
	Offset        int64   `json:"offset"`    // of its first row in the result, from 0
	TotalRowCount int     `json:"total_row_count"`
	Truncated     bool    `json:"truncated"`   // of the result
	NextCursor    *string `json:"next_cursor"` // null on the last page
}

// findPage looks where a page of at most limit rows begins and ends.
func findPage(stored io.ReadSeeker, from fields.Place, limit int) (page, error) {
	if _, err := stored.Seek(0, io.SeekStart); err != nil {
		return page{}, err
	}
	columns, err := result.NewRowScanner(stored, 0).Begin()
	if err != nil {
		return page{}, err
	}
	begin := columns
	if from != (fields.Place{}) {
		begin = from.Offset
	}
	if _, err := stored.Seek(begin, io.SeekStart); err != nil {
		return page{}, err
	}
	found := page{columns: columns, begin: begin, end: begin}
	scanner := result.NewRowScanner(stored, begin)
	for next := begin; next != 0 && found.rows < limit; {
		var end int64
		end, next, err = scanner.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return page{}, err
		}
		found.end = end
		found.rows++
		found.next = fields.Place{}
		if next != 0 {
			found.next = fields.Place{Offset: next, Row: from.Row + int64(found.rows)}
		}
	}
	return found, nil
}
