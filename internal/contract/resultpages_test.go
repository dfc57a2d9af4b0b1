package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

type pageOfResult struct {
	Columns       json.RawMessage   `json:"columns"`
	Rows          []json.RawMessage `json:"rows"`
	RowCount      int               `json:"row_count"`
	Offset        int64             `json:"offset"`
	TotalRowCount int               `json:"total_row_count"`
	Truncated     bool              `json:"truncated"`
	NextCursor    *string           `json:"next_cursor"`
}

func TestResultOfAJob(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		token := s.Login("acme", "integration").Access
		job := s.Call("series-job", token, `{"rows":12345}`).Job()
		ended := s.Await(job, token)
		whole := s.Get(job+"/result", token).Want(http.StatusOK)
		if !bytes.Equal(whole.Body, ended.Result) {
			t.Fatal("the result differs from the one in the job's document")
		}
		size := len(whole.Body)
		etag := whole.Header.Get("ETag")
		if etag == "" || strings.HasPrefix(etag, "W/") || whole.Header.Get("Accept-Ranges") != "bytes" ||
			whole.Header.Get("Content-Length") != strconv.Itoa(size) || whole.Header.Get("Content-Type") != "application/json" ||
			whole.Header.Get("Cache-Control") != "no-store" || whole.Header.Get("X-Request-Id") == "" {
			t.Errorf("headers %v", whole.Header)
		}
		head := s.Send(http.MethodHead, job+"/result", token, "").Want(http.StatusOK)
		if head.Header.Get("Content-Length") != strconv.Itoa(size) || len(head.Body) != 0 {
			t.Errorf("HEAD: %v", head.Header)
		}
		for _, test := range []struct {
			headers []string
			status  int
			begin   int
			end     int
		}{
			{[]string{"Range", "bytes=0-9"}, http.StatusPartialContent, 0, 10},
			{[]string{"Range", "bytes=262140-262150"}, http.StatusPartialContent, 262140, 262151}, // over the border of two blocks
			{[]string{"Range", "bytes=-7"}, http.StatusPartialContent, size - 7, size},
			{[]string{"Range", "bytes=1000000-"}, http.StatusPartialContent, 1000000, size},
			{[]string{"Range", "bytes=5-6", "If-Range", etag}, http.StatusPartialContent, 5, 7},
			{[]string{"Range", "bytes=5-6", "If-Range", `"other"`}, http.StatusOK, 0, size},
			{[]string{"Range", "bytes=0-1,5-6"}, http.StatusOK, 0, size}, // several ranges: the whole, as a server may
			{[]string{"Range", "rows=0-1"}, http.StatusOK, 0, size},
			{[]string{"Range", "BYTES=0-1"}, http.StatusPartialContent, 0, 2}, // a unit has no case
			{[]string{"Range", "bytes=0-1, "}, http.StatusOK, 0, size},
			{[]string{"If-None-Match", etag}, http.StatusNotModified, 0, 0},
			{[]string{"If-Match", etag}, http.StatusOK, 0, size},
		} {
			got := s.Send(http.MethodGet, job+"/result", token, "", test.headers...)
			if got.Status != test.status {
				t.Errorf("%v: got %d", test.headers, got.Status)
			} else if got.Status < 300 && !bytes.Equal(got.Body, whole.Body[test.begin:test.end]) {
				t.Errorf("%v: got %d bytes that differ", test.headers, len(got.Body))
			}
		}
		for _, nowhere := range []string{fmt.Sprintf("bytes=%d-", size), "bytes=-0", "bytes= -00", "bytes=5-2", "bytes=x-", "bytes=-"} {
			beyond := s.Send(http.MethodGet, job+"/result", token, "", "Range", nowhere).
				Problem(http.StatusRequestedRangeNotSatisfiable, "RANGE_NOT_SATISFIABLE")
			if beyond.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) || beyond.Header.Get("ETag") != "" {
				t.Errorf("%s: headers of the 416: %v", nowhere, beyond.Header)
			}
		}
		s.Send(http.MethodGet, job+"/result", token, "", "If-Match", `"other"`).Problem(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
		s.Send(http.MethodGet, job+"/result", token, "", "Accept", "text/html").Problem(http.StatusNotAcceptable, "NOT_ACCEPTABLE")
		s.Get(job+"/result", s.Login("globex", "reader").Access).Problem(http.StatusNotFound, "JOB_NOT_FOUND")
		s.Get(job+"/result", s.Login("acme", "powerless").Access).Problem(http.StatusForbidden, "FORBIDDEN")
		checkPages(t, s, job, token, ended.Result)
	})
}

// A part of nothing has no Content-Range: an empty result is answered whole, whatever is asked for.
func TestEmptyResultHasNoRanges(t *testing.T) {
	t.Parallel()
	s := controlServer(t, engines[0])
	token := s.Login("acme", "integration").Access
	job := s.Call("series-job", token, `{"rows":0}`).Job()
	s.Await(job, token)
	for _, wanted := range []string{"bytes=0-", "bytes=-5", "bytes=-0", "bytes=3-4"} {
		got := s.Send(http.MethodGet, job+"/result.ndjson", token, "", "Range", wanted).Want(http.StatusOK)
		if len(got.Body) != 0 || got.Header.Get("Content-Range") != "" || got.Header.Get("Content-Length") != "0" {
			t.Errorf("%s: %q, %v", wanted, got.Body, got.Header)
		}
	}
}

// checkPages reads a result of 12,345 rows page by page.
func checkPages(t *testing.T, s *server, job, token string, whole []byte) {
	t.Helper()
	var all pageOfResult
	if err := json.Unmarshal(whole, &all); err != nil {
		t.Fatal(err)
	}
	var cursors []string
	for _, limit := range []int{999, 10000} {
		var rows []json.RawMessage
		pages := 0
		for next := fmt.Sprintf("%s/result?limit=%d", job, limit); next != ""; pages++ {
			answer := s.Get(next, token).Want(http.StatusOK)
			var page pageOfResult
			decodeStrictly(t, answer.Body, &page)
			if page.RowCount != len(page.Rows) || page.Offset != int64(len(rows)) || page.TotalRowCount != 12345 || page.Truncated ||
				!bytes.Equal(page.Columns, all.Columns) || answer.Header.Get("Content-Length") != strconv.Itoa(len(answer.Body)) {
				t.Fatalf("page %d: %d rows from %d, headers %v", pages, page.RowCount, page.Offset, answer.Header)
			}
			rows = append(rows, page.Rows...)
			if next = answer.NextLink(); next != "" {
				cursors = append(cursors, *page.NextCursor)
			}
		}
		if pages != (12345+limit-1)/limit || len(rows) != len(all.Rows) {
			t.Fatalf("%d rows in %d pages of %d", len(rows), pages, limit)
		}
		for i := range rows {
			if !bytes.Equal(rows[i], all.Rows[i]) {
				t.Fatalf("row %d is %s, want %s", i, rows[i], all.Rows[i])
			}
		}
	}
	// A cursor that was changed, or made for another result, is refused.
	changed := []byte(cursors[0])
	changed[5]++
	other := s.Call("series-job", token, `{"rows":3}`).Job()
	s.Await(other, token)
	for _, path := range []string{
		job + "/result?cursor=" + string(changed), job + "/result?cursor=" + cursors[0][:20], job + "/result?cursor=",
		other + "/result?cursor=" + cursors[0], job + "/result?limit=0", job + "/result?limit=10001", job + "/result?rows=1",
	} {
		s.Get(path, token).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	}
	var small pageOfResult
	s.Get(other+"/result?limit=3", token).Want(http.StatusOK).Decode(&small)
	if len(small.Rows) != 3 || small.NextCursor != nil {
		t.Errorf("a page with all rows: %+v", small)
	}
	// A cursor outlives the server.
	s.Restart()
	s.Get(job+"/result?cursor="+cursors[0], token).Want(http.StatusOK)
}

func TestResultsThatAreOddToPage(t *testing.T) {
	t.Parallel()
	e := engines[0]
	s := newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: map[string]string{
		"acme/default/none.sql": "/*---\nsource: main\nmode: async\n---*/\nSELECT regiao FROM vendas WHERE total < 0",
		"acme/default/braces.sql": "/*---\nsource: main\nmode: async\nlimits: { max_rows: 3 }\n---*/\n" +
			`SELECT '},{"rows":[' || regiao || '"\],"rows":[{' AS "a],""rows"":[" FROM vendas ORDER BY regiao`,
	}})
	token := s.Login("acme", "integration").Access
	none := s.Call("none", token, `{}`).Job()
	s.Await(none, token)
	var page pageOfResult
	decodeStrictly(t, s.Get(none+"/result?limit=5", token).Want(http.StatusOK).Body, &page)
	if page.RowCount != 0 || page.Rows == nil || page.NextCursor != nil {
		t.Errorf("a page of nothing: %+v", page)
	}
	braces := s.Call("braces", token, `{}`).Job()
	var all pageOfResult
	if err := json.Unmarshal(s.Await(braces, token).Result, &all); err != nil {
		t.Fatal(err)
	}
	next := braces + "/result?limit=1"
	for i := range 3 {
		answer := s.Get(next, token).Want(http.StatusOK)
		var page pageOfResult
		decodeStrictly(t, answer.Body, &page)
		if len(page.Rows) != 1 || !bytes.Equal(page.Rows[0], all.Rows[i]) || !page.Truncated {
			t.Errorf("page %d: %s", i, answer.Body)
		}
		next = answer.NextLink()
	}
	if next != "" {
		t.Errorf("there is a page too many: %s", next)
	}
}
