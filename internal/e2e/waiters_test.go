package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// A reload, and the server's end, wait for no caller that waits for a job; and such a caller is answered, not cut off.
func TestWaitersEndWithTheConfiguration(t *testing.T) {
	t.Parallel()
	const each = 50
	e := engines[0]
	catalog := files(e)
	catalog["acme/default/endless-job.sql"] = "/*---\nsource: main\nmode: async\n---*/\n" + e.Slow
	s := newServer(t, serverConfig{
		sources: e.Source(t, t.TempDir(), sales).Directive(), files: catalog, options: fmt.Sprintf("jobs {\n waiting_callers %d\n}", 2*each),
	})
	token := s.Login("acme", "integration").Access
	job := s.Call("endless-job", token, `{}`).Job()
	timed := func(what func()) time.Duration {
		begun := time.Now()
		what()
		return time.Since(begun)
	}
	reload := func() {
		if err := s.reload(); err != nil {
			t.Fatal(err)
		}
	}
	bare := min(timed(reload), timed(reload), timed(reload))
	waiters := openWaiters(t, s, job, token, each, each)
	control := s.Control()
	took := timed(reload)
	ended := timed(waiters.Wait)
	t.Logf("a reload took %s, and %s with %d long polls and %d event streams, which had ended %s later",
		bare.Round(time.Millisecond), took.Round(time.Millisecond), each, each, ended.Round(time.Millisecond))
	control.Within("the reload", took, bare+time.Second)
	control.Within("the end of all who waited", ended, 2*time.Second)
	// The job goes on under the new configuration.
	var still document
	s.Get(job, token).Want(http.StatusOK).Decode(&still)
	if still.Status != "processing" {
		t.Errorf("after the reload the job is %+v", still)
	}
	s.Send(http.MethodDelete, job, token, "").Want(http.StatusOK)

	waiting := s.Call("endless-job", token, `{}`).Job()
	strict := make(chan answer, 1)
	go func() {
		got, _ := s.TrySend(context.Background(), http.MethodPost, endpoints+"endless/execute", token, `{"parameter_values":{}}`, "Idempotency-Key", "stop")
		strict <- got
	}()
	eventually(t, "the request is in flight", patience, func() bool {
		var list listing
		s.Get(endpoints+"endless/jobs", token).Want(http.StatusOK).Decode(&list)
		return len(list.Jobs) == 1
	})
	waiters = openWaiters(t, s, waiting, token, each, each-1) // one place is the request's
	control = s.Control()
	begun := time.Now()
	gone := make(chan time.Duration)
	go func() {
		waiters.Wait()
		gone <- time.Since(begun)
	}()
	go s.stop()
	answered := <-gone
	<-s.exited
	(<-strict).Problem(http.StatusServiceUnavailable, "OVERLOADED")
	// The drain of running jobs takes 10 s; more would be somebody who is waited for, or a machine on which a reload takes long.
	took = time.Since(begun)
	control.Within("the answers of who waited, before the end of the server,", answered, took/2)
	control.Within("the end of the server", took, 25*time.Second+10*bare)
	s.start()
	// The jobs run again; the stop at the end would wait for them.
	var list listing
	s.Get(endpoints+"endless/jobs", token).Want(http.StatusOK).Decode(&list)
	s.Send(http.MethodDelete, waiting, token, "").Want(http.StatusOK)
	s.Send(http.MethodDelete, endpoints+"endless/jobs/"+list.Jobs[0].ID, token, "").Want(http.StatusOK)
}

// listing is a page of jobs.
type listing struct {
	Jobs []document `json:"jobs"`
}

// openWaiters opens event streams and long polls, and returns when the server has them all: they take all places that the company has for
// callers who wait.
func openWaiters(t *testing.T, s *server, job, token string, streams, polls int) *sync.WaitGroup {
	t.Helper()
	waiting := new(sync.WaitGroup)
	var begun sync.WaitGroup
	for range streams {
		begun.Add(1)
		waiting.Go(func() {
			events, ended, err := s.OpenStream(t.Context(), job, token)
			if err != nil {
				begun.Done()
				t.Error(err)
				return
			}
			<-events
			begun.Done()
			var last servertest.Event
			for e := range events {
				last = e
			}
			if err := ended(); err != io.EOF || last.Name != "reconnect" { //nolint:errorlint // a proper end is io.EOF itself
				t.Errorf("a stream ended with %v, %v", last, err)
			}
		})
	}
	begun.Wait()
	for range polls {
		waiting.Go(func() {
			got, err := s.TrySend(t.Context(), http.MethodGet, job, token, "", "Prefer", "wait=60")
			for err == nil && got.Status == http.StatusServiceUnavailable { // the question below may have had the last place
				got, err = s.TrySend(t.Context(), http.MethodGet, job, token, "", "Prefer", "wait=60")
			}
			var still document
			if err != nil || got.Status != http.StatusOK || json.Unmarshal(got.Body, &still) != nil || still.Status != "processing" {
				t.Errorf("a long poll got %d %s %v", got.Status, got.Body, err)
			}
		})
	}
	eventually(t, "all places are taken", patience, func() bool {
		return s.Send(http.MethodGet, job, token, "", "Prefer", "wait=1").Status == http.StatusServiceUnavailable
	})
	return waiting
}
