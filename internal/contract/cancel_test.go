package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		token := s.Login("acme", "integration").Access
		running := s.Call("endless-job", token, `{}`).Job()
		eventually(t, "the job runs", patience, func() bool {
			return strings.Contains(string(s.Get(running, token).Body), `"progress":{`)
		})
		var cancelled document
		s.Send(http.MethodDelete, running, token, "").Want(http.StatusOK).Decode(&cancelled)
		if cancelled.Status != "cancelled" || cancelled.CompletedAt == nil || cancelled.Error != nil || string(cancelled.Result) != "null" {
			t.Errorf("a cancelled job is %+v", cancelled)
		}
		// It stays readable, and cancelling again changes nothing.
		again := s.Send(http.MethodDelete, running, token, "").Want(http.StatusOK)
		if read := s.Get(running, token).Want(http.StatusOK); string(read.Body) != string(again.Body) {
			t.Errorf("read   %s\ncancel %s", read.Body, again.Body)
		}
		completed := s.Call("relatorio-mensal", token, `{"mes":"2026-03"}`).Job()
		s.Await(completed, token)
		var unchanged document
		s.Send(http.MethodDelete, completed, token, "").Want(http.StatusOK).Decode(&unchanged)
		if unchanged.Status != "completed" {
			t.Errorf("a job that had ended became %s", unchanged.Status)
		}
		s.Get(completed+"/result", token).Want(http.StatusOK)
		s.Get(running+"/result", token).Problem(http.StatusConflict, "JOB_NOT_COMPLETED")

		// Who waits for a job that somebody cancels is told.
		done := make(chan answer)
		go func() {
			got, _ := s.TrySend(t.Context(), http.MethodPost, endpoints+"endless-job/execute", token, `{}`, "Prefer", "wait=30")
			done <- got
		}()
		var list listing
		eventually(t, "the job is listed", patience, func() bool {
			s.Get(endpoints+"endless-job/jobs?status=processing", token).Want(http.StatusOK).Decode(&list)
			return len(list.Jobs) == 1
		})
		s.Send(http.MethodDelete, endpoints+"endless-job/jobs/"+list.Jobs[0].ID, token, "").Want(http.StatusOK)
		(<-done).Problem(http.StatusConflict, "JOB_NOT_COMPLETED")

		runner, stranger := s.Login("acme", "runner").Access, s.Login("globex", "reader").Access
		s.Send(http.MethodDelete, completed, runner, "").Problem(http.StatusForbidden, "FORBIDDEN")
		s.Send(http.MethodDelete, completed, stranger, "").Problem(http.StatusNotFound, "JOB_NOT_FOUND")
		s.Send(http.MethodDelete, strings.Replace(completed, "relatorio-mensal", "few", 1), token, "").
			Problem(http.StatusNotFound, "JOB_NOT_FOUND")
		got := s.Send(http.MethodPut, completed, token, "").Problem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
		if allow := got.Header.Get("Allow"); allow != "DELETE, GET, HEAD" {
			t.Errorf("Allow is %q", allow)
		}
	})
}

// Cancelling ends the query inside the database.
func TestCancelEndsTheQuery(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(sales)
	s := newServer(t, servertest.Config{
		Database: servertest.PostgresOf(db), Settings: func(settings *servertest.Settings) { settings.Jobs.Workers, settings.Jobs.PerCompany = 8, 8 },
		Files: map[string]string{"acme/default/endless-job.sql": "/*---\nsource: main\nmode: async\n---*/\n" + engines[1].Slow},
	})
	token := s.Login("acme", "integration").Access
	watcher := db.Conn()
	running := func() (n int) {
		err := watcher.QueryRow(context.Background(), `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	control := s.Control()
	const rounds, jobs = 3, 8
	var slowest time.Duration
	for range rounds {
		var polling []string
		for range jobs {
			polling = append(polling, s.Call("endless-job", token, `{}`).Job())
		}
		eventually(t, "all queries run", patience, func() bool { return running() == jobs })
		begun := time.Now()
		for _, url := range polling {
			s.Send(http.MethodDelete, url, token, "").Want(http.StatusOK)
		}
		eventually(t, "the queries are gone", patience, func() bool { return running() == 0 })
		took := time.Since(begun)
		control.Within("the end of the queries", took, time.Second)
		slowest = max(slowest, took)
	}
	t.Logf("%d queries at a time were gone at most %s after the first DELETE", jobs, slowest.Round(time.Millisecond))
}

type listing struct {
	Jobs       []document `json:"jobs"`
	NextCursor *string    `json:"next_cursor"`
}

func TestListOfJobs(t *testing.T) {
	t.Parallel()
	e := engines[0]
	s := controlServer(t, e)
	token := s.Login("acme", "integration").Access
	const path = endpoints + "relatorio-mensal/jobs"
	var empty listing
	s.Get(path, token).Want(http.StatusOK).Decode(&empty)
	if empty.Jobs == nil || len(empty.Jobs) != 0 || empty.NextCursor != nil {
		t.Errorf("an empty list is %+v", empty)
	}
	var want []string // newest first
	for range 7 {
		var accepted document
		s.Call("relatorio-mensal", token, `{"mes":"2026-03"}`).Want(http.StatusAccepted).Decode(&accepted)
		s.Await(path+"/"+accepted.ID, token)
		want = append([]string{accepted.ID}, want...)
	}
	elsewhere := s.Call("endless-job", token, `{}`).Job()
	defer s.Send(http.MethodDelete, elsewhere, token, "")

	var got []string
	pages := 0
	for next := path + "?limit=3&status=completed"; next != ""; pages++ {
		answer := s.Get(next, token).Want(http.StatusOK)
		var page listing
		answer.Decode(&page)
		for _, job := range page.Jobs {
			if job.Status != "completed" || string(job.Result) != "null" {
				t.Errorf("listed: %+v", job)
			}
			got = append(got, job.ID)
		}
		next = answer.NextLink()
		if (next == "") != (page.NextCursor == nil) || next != "" && !strings.Contains(next, url.QueryEscape(*page.NextCursor)) {
			t.Errorf("Link %q, next_cursor %v", next, page.NextCursor)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || pages < 3 {
		t.Errorf("in %d pages\ngot  %v\nwant %v", pages, got, want)
	}
	var none listing
	s.Get(path+"?status=failed", token).Want(http.StatusOK).Decode(&none)
	s.Get(endpoints+"relatorio-mensal/jobs?status=processing", token).Want(http.StatusOK).Decode(&none)
	if len(none.Jobs) != 0 {
		t.Errorf("jobs that are not there: %+v", none.Jobs)
	}

	for _, query := range []string{"status=done", "limit=0", "limit=201", "limit=x", "limit=+1", "cursor=x", "page=2", "limit=1&limit=2", "%zz"} {
		s.Get(path+"?"+query, token).Problem(http.StatusBadRequest, "INVALID_REQUEST")
	}
	s.Get(path, s.Login("globex", "reader").Access).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	s.Get(path, s.Login("acme", "powerless").Access).Problem(http.StatusForbidden, "FORBIDDEN")
	s.Get(endpoints+"unknown/jobs", token).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	// A shared endpoint's jobs are listed for the company that asked for them.
	s.Call("vendas-por-regiao", token, `{"data_inicio":"2026-01-01"}`, "Prefer", "respond-async").Job()
	var theirs listing
	s.Get(endpoints+"vendas-por-regiao/jobs", s.Login("globex", "reader").Access).Want(http.StatusOK).Decode(&theirs)
	if len(theirs.Jobs) != 0 {
		t.Errorf("another company sees %+v", theirs.Jobs)
	}
}

// decodeStrictly is for bodies whose fields are all known.
func decodeStrictly(t *testing.T, body []byte, target any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		t.Fatalf("%v in %.300s", err, body)
	}
}
