//go:build npm

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// visit is what a page of another origin has seen of the API: what it did, or the name of the error that it got.
type visit struct {
	Token   int
	Allowed struct {
		Status, Rows int
		Fields       []string
	}
	Refused, Unauthenticated struct {
		Status  int
		Code    string
		Request bool
	}
	Job              struct{ Status, Cancelled int }
	Streamed, Broken struct {
		Status, Parts, Bytes int
		Ended                string
		Took                 float64 // milliseconds from the first part on
	}
}

// A page in Chromium calls the API from an origin that the site lets in: it reads results, refusals and all fields, gets rows while the
// query runs, and is told when one fails after its first rows. From another origin it gets nothing.
func TestPagesOfOtherOriginsInChromium(t *testing.T) {
	program := chromium(t)
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<!doctype html><title>A page</title>")
	}))
	defer pages.Close()
	e := engines[1]
	catalog := files(e)
	const front = "/*---\nsource: main\n---*/\n"
	catalog["acme/default/steady.sql"] = front +
		"SELECT n, repeat('x', 1000) AS label, pg_sleep(0.01)::text AS slept FROM generate_series(1, 200) AS n" // more than what is sent at once
	catalog["acme/default/late.sql"] = front + "SELECT n, 1 / (9999 - n) AS q, 'row number ' || n AS label FROM generate_series(1, 9999) AS n"
	s := newServer(t, serverConfig{sources: e.Source(t, t.TempDir(), sales).Directive(), files: catalog})
	s.reconfigure("\n\tdata_api\n}", "\n\tdata_api {\n\t\tcors {\n\t\t\torigins "+pages.URL+"\n\t\t}\n\t}\n}")

	_, port, err := net.SplitHostPort(strings.TrimPrefix(pages.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	key := s.CreateKey("acme", "integration")
	var report struct {
		Friend   visit
		Stranger map[string]json.RawMessage
	}
	// The same page, by a name that is another origin.
	drive(t, &report, "cors.mjs", program, strings.TrimSuffix(s.URL(""), "/"), pages.URL, "http://localhost:"+port, "acme", key.Key, key.Secret)

	saw := report.Friend
	if saw.Token != http.StatusOK {
		t.Errorf("a token: %d", saw.Token)
	}
	if saw.Allowed.Status != http.StatusOK || saw.Allowed.Rows != 2 || !slices.Contains(saw.Allowed.Fields, "x-data-api-revision") || !slices.Contains(saw.Allowed.Fields, "x-request-id") {
		t.Errorf("a result: %+v", saw.Allowed)
	}
	if saw.Refused.Status != http.StatusUnprocessableEntity || saw.Refused.Code != "INVALID_PARAMETER" || !saw.Refused.Request ||
		saw.Unauthenticated.Status != http.StatusUnauthorized || saw.Unauthenticated.Code != "UNAUTHENTICATED" {
		t.Errorf("refusals: %+v, %+v", saw.Refused, saw.Unauthenticated)
	}
	if saw.Job.Status != http.StatusAccepted || saw.Job.Cancelled != http.StatusOK {
		t.Errorf("a job: %+v", saw.Job)
	}
	if r := saw.Streamed; r.Status != http.StatusOK || r.Ended != "well" || r.Parts < 2 || r.Took < 500 {
		t.Errorf("rows of a query that takes seconds: %+v", r)
	}
	if r := saw.Broken; r.Status != http.StatusOK || r.Bytes == 0 || r.Ended == "well" || r.Ended == "" {
		t.Errorf("a query that fails after its first rows: %+v", r)
	}
	for what, got := range report.Stranger {
		if string(got) != `"TypeError"` {
			t.Errorf("from an origin that is not let in, %s gives %s", what, got)
		}
	}
	if len(report.Stranger) < 6 {
		t.Errorf("from an origin that is not let in: %v", report.Stranger)
	}
}
