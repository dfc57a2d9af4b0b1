package contract

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// remoteFile reads a URL by ranges alone, as DuckDB and hyparquet do.
type remoteFile struct {
	s         *server
	url       string
	token     string
	etag      string
	size      int64
	at, asked int64
}

func openRemote(s *server, url, token string) *remoteFile {
	s.T.Helper()
	head := s.Send(http.MethodHead, url, token, "").Want(http.StatusOK)
	size, err := strconv.ParseInt(head.Header.Get("Content-Length"), 10, 64)
	if err != nil || head.Header.Get("Accept-Ranges") != "bytes" || len(head.Body) > 0 {
		s.T.Fatalf("HEAD %s: %v", url, head.Header)
	}
	return &remoteFile{s: s, url: url, token: token, etag: head.Header.Get("ETag"), size: size}
}

func (f *remoteFile) ReadAt(p []byte, at int64) (int, error) {
	last := min(at+int64(len(p)), f.size) - 1
	if at > last {
		return 0, io.EOF
	}
	got := f.s.Send(http.MethodGet, f.url, f.token, "", "Range", fmt.Sprintf("bytes=%d-%d", at, last), "If-Range", f.etag)
	want := fmt.Sprintf("bytes %d-%d/%d", at, last, f.size)
	if got.Status != http.StatusPartialContent || got.Header.Get("Content-Range") != want || got.Header.Get("ETag") != f.etag {
		return 0, fmt.Errorf("%d %v, want %s", got.Status, got.Header, want)
	}
	f.asked += int64(len(got.Body))
	if n := copy(p, got.Body); n < len(p) {
		return n, io.EOF
	}
	return len(p), nil
}

func (f *remoteFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.at)
	f.at += int64(n)
	return n, err
}

func (f *remoteFile) Seek(offset int64, whence int) (int64, error) {
	f.at = map[int]int64{io.SeekStart: 0, io.SeekCurrent: f.at, io.SeekEnd: f.size}[whence] + offset
	return f.at, nil
}

// Readers of Parquet ask for the end first, and then for what they need. What they read was made once.
func TestResultsOfJobsAreReadByRange(t *testing.T) {
	t.Parallel()
	e := engines[0]
	s := newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: map[string]string{
		"acme/company.yaml":     companyFile,
		"acme/default/many.sql": "/*---\nsource: main\nmode: async\nparams: { rows: { type: integer } }\nlimits: { max_rows: 200000 }\n---*/\n" + e.Series,
	}})
	token := s.Login("acme", "integration").Access
	job := s.Execute("many", token, `{"rows":50000}`).Job()
	s.Await(job, token)

	remote := openRemote(s, job+"/result.parquet", token)
	reader, err := file.NewParquetReader(remote)
	if err != nil {
		t.Fatal(err)
	}
	if reader.NumRows() != 50000 || remote.asked > remote.size/4 {
		t.Errorf("%d rows are known after %d of %d bytes", reader.NumRows(), remote.asked, remote.size)
	}
	for _, suffix := range []string{".csv", ".parquet", ".ndjson", ".arrow", ".xlsx", "?rows_as=arrays"} {
		url := job + "/result" + suffix
		whole := s.Get(url, token).Want(http.StatusOK)
		etag, length := whole.Header.Get("ETag"), strconv.Itoa(len(whole.Body))
		if whole.Header.Get("Content-Length") != length || whole.Header.Get("X-Data-Api-Row-Count") != "50000" && suffix[0] == '.' {
			t.Errorf("%s: %v", suffix, whole.Header)
		}
		if head := s.Send(http.MethodHead, url, token, ""); head.Header.Get("Content-Length") != length || head.Header.Get("ETag") != etag {
			t.Errorf("HEAD %s: %v", suffix, head.Header)
		}
		for _, test := range []struct {
			headers    []string
			status     int
			begin, end int
		}{
			{[]string{"Range", "bytes=0-9"}, http.StatusPartialContent, 0, 10},
			{[]string{"Range", "bytes=100000-"}, http.StatusPartialContent, 100000, len(whole.Body)},
			{[]string{"Range", "bytes=-8"}, http.StatusPartialContent, len(whole.Body) - 8, len(whole.Body)},
			{[]string{"Range", "bytes=5-9", "If-Range", etag}, http.StatusPartialContent, 5, 10},
			{[]string{"Range", "bytes=5-9", "If-Range", `"other"`}, http.StatusOK, 0, len(whole.Body)},
			{[]string{"Range", "bytes=0-1,4-5"}, http.StatusOK, 0, len(whole.Body)},
			{[]string{"Range", "bytes=" + length + "-"}, http.StatusRequestedRangeNotSatisfiable, 0, 0},
			{[]string{"If-None-Match", etag}, http.StatusNotModified, 0, 0},
			{[]string{"If-Match", `"other"`}, http.StatusPreconditionFailed, 0, 0},
			{[]string{"If-Match", strings.TrimSuffix(etag, `"`) + `-gzip"`}, http.StatusOK, 0, len(whole.Body)},
			{[]string{"If-Match", strings.TrimSuffix(etag, `"`) + `-gzip"`, "Range", "bytes=0-9"}, http.StatusPreconditionFailed, 0, 0},
		} {
			got := s.Send(http.MethodGet, url, token, "", test.headers...)
			if got.Status != test.status {
				t.Errorf("%s %v: %d", suffix, test.headers, got.Status)
			} else if got.Status < 300 && string(got.Body) != string(whole.Body[test.begin:test.end]) {
				t.Errorf("%s %v: %d bytes, want %d to %d", suffix, test.headers, len(got.Body), test.begin, test.end)
			}
		}
		unsatisfiable := s.Send(http.MethodGet, url, token, "", "Range", "bytes="+length+"-")
		unsatisfiable.Problem(http.StatusRequestedRangeNotSatisfiable, "RANGE_NOT_SATISFIABLE")
		if got := unsatisfiable.Header.Get("Content-Range"); got != "bytes */"+length {
			t.Errorf("%s: Content-Range %q", suffix, got)
		}
	}
}

// Where there is no room to spool a result, it is made while it is sent, as a whole.
func TestResultsThatCannotBeSpooledAreStreamed(t *testing.T) {
	t.Parallel()
	e := engines[0]
	s := newServer(t, servertest.Config{
		Database: e.Source(t, t.TempDir(), sales),
		Files: map[string]string{
			"acme/company.yaml":     companyFile,
			"acme/default/many.sql": "/*---\nsource: main\nmode: async\nparams: { rows: { type: integer } }\nlimits: { max_rows: 200000 }\n---*/\n" + e.Series,
		},
		Settings: func(settings *servertest.Settings) { settings.AnswerMemory = 2 << 20 },
	})
	token := s.Login("acme", "integration").Access
	job := s.Execute("many", token, `{"rows":200000}`).Job()
	s.Await(job, token)
	got := s.Get(job+"/result.csv", token).Want(http.StatusOK)
	if lines(got.Body) != 200001 || got.Header.Get("Accept-Ranges") != "none" || got.Header.Get("Content-Length") != "" {
		t.Errorf("%d lines, %v", lines(got.Body), got.Header)
	}
	s.Send(http.MethodGet, job+"/result.csv", token, "", "If-None-Match", got.Header.Get("ETag")).Want(http.StatusNotModified)
	if ranged := s.Send(http.MethodGet, job+"/result.csv", token, "", "Range", "bytes=0-9"); ranged.Status != http.StatusOK ||
		!strings.HasPrefix(string(ranged.Body), "n,label") {
		t.Errorf("a range of it: %d", ranged.Status)
	}
}
