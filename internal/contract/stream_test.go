package contract

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

type progressDocument struct {
	document
	Progress *struct {
		Rows      int64 `json:"rows"`
		ElapsedMS int64 `json:"elapsed_ms"`
	} `json:"progress"`
}

func progressOf(t *testing.T, e servertest.Event) (d progressDocument) {
	t.Helper()
	if err := json.Unmarshal([]byte(e.Data), &d); err != nil {
		t.Fatalf("%v in %q", err, e.Data)
	}
	return d
}

func TestEventStream(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		token := s.Login("acme", "integration").Access
		follow := func(slug string) (job string, all []servertest.Event) {
			t.Helper()
			job = s.Call(slug, token, `{}`, "Prefer", "respond-async").Job()
			events, ended, err := s.OpenStream(t.Context(), job, token)
			if err != nil {
				t.Fatal(err)
			}
			for e := range events {
				all = append(all, e)
			}
			if err := ended(); err != io.EOF { //nolint:errorlint // a proper end is io.EOF itself
				t.Errorf("the stream ended with %v", err)
			}
			return job, all
		}
		const tries = 10 // a job that lasts for a second or three may end before a busy machine follows it
		job, all := follow("slow-job")
		for n := 1; len(all) < 2 && n < tries; n++ {
			job, all = follow("slow-job")
		}
		if len(all) < 2 || all[0].Name != "progress" || progressOf(t, all[0]).Status != "processing" {
			t.Fatalf("events %v", all)
		}
		last := all[len(all)-1]
		if got := progressOf(t, last); last.Name != "end" || got.Status != "failed" || got.Error == nil || got.Error.Code != "EXECUTION_TIMEOUT" {
			t.Errorf("the last event is %v", last)
		}
		// A browser that opens it again has seen the end, and is told that there is no more.
		s.Send(http.MethodGet, job, token, "", "Accept", "text/event-stream", "Last-Event-ID", "end").Want(http.StatusNoContent)
		// Of a job that has ended there is the end alone.
		events, _, err := s.OpenStream(t.Context(), job, token)
		if err != nil {
			t.Fatal(err)
		}
		if only := <-events; only.Name != "end" {
			t.Errorf("the only event is %v", only)
		}
		if _, more := <-events; more {
			t.Error("there are events after the end")
		}

		// Progress: the rows of a run that takes a while, and its time.
		var rows, elapsed int64
		for n := 0; rows == 0 && n < tries; n++ {
			rows, elapsed = 0, 0
			_, all := follow("steady-job")
			for _, e := range all {
				if progress := progressOf(t, e).Progress; progress != nil {
					if progress.Rows < rows || progress.ElapsedMS < elapsed {
						t.Errorf("progress goes back: %s", e.Data)
					}
					rows, elapsed = progress.Rows, progress.ElapsedMS
				}
			}
			if final := progressOf(t, all[len(all)-1]); final.Status != "completed" || final.Progress != nil {
				t.Errorf("the end is %+v", final)
			}
		}
		if rows == 0 || elapsed == 0 {
			t.Errorf("no progress was seen: %d rows, %d ms", rows, elapsed)
		}

		s.Send(http.MethodGet, job, token, "", "Accept", "image/png").Problem(http.StatusNotAcceptable, "NOT_ACCEPTABLE")
		head := s.Send(http.MethodHead, job, token, "", "Accept", "text/event-stream").Want(http.StatusOK)
		if got := head.Header.Get("Content-Type"); got != "text/event-stream" || len(head.Body) > 0 {
			t.Errorf("HEAD got %q", got)
		}
		both := s.Send(http.MethodGet, job, token, "", "Accept", "application/json, text/event-stream").Want(http.StatusOK)
		if got := both.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("who accepts both got %q", got)
		}
		s.Send(http.MethodGet, job, s.Login("globex", "reader").Access, "", "Accept", "text/event-stream").Problem(http.StatusNotFound, "JOB_NOT_FOUND")
	})
}

func TestLongPoll(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		token := s.Login("acme", "integration").Access
		job := s.Call("slow-job", token, `{}`).Job()
		begun := time.Now()
		var ended document
		s.Send(http.MethodGet, job, token, "", "Prefer", "wait=30").Want(http.StatusOK).Applied("wait=30").Decode(&ended)
		if took := time.Since(begun); ended.Status != "failed" || took > 30*time.Second {
			t.Errorf("after %s the job is %+v", took, ended)
		}
		endless := s.Call("endless-job", token, `{}`).Job()
		begun = time.Now()
		var still document
		got := s.Send(http.MethodGet, endless, token, "", "Prefer", "wait=1").Want(http.StatusOK).Applied("wait=1")
		got.Decode(&still)
		if took := time.Since(begun); still.Status != "processing" || took < time.Second || took > 30*time.Second || got.Header.Get("Retry-After") == "" {
			t.Errorf("after %s the job is %+v", took, still)
		}
		s.Send(http.MethodDelete, endless, token, "").Want(http.StatusOK)
	})
}

// A revoked key ends what it had opened.
func TestRevokedKeyEndsWaiting(t *testing.T) {
	t.Parallel()
	s := controlServer(t, engines[0])
	key, token := s.CreateKeyAndLogin("acme", "integration")
	job := s.Call("endless-job", token, `{}`).Job()
	events, _, err := s.OpenStream(t.Context(), job, token)
	if err != nil {
		t.Fatal(err)
	}
	<-events
	control := s.Control()
	s.Revoke(key.Key)
	revoked := time.Now()
	var last servertest.Event
	for e := range events {
		last = e
	}
	if took := time.Since(revoked); last.Name != "reconnect" {
		t.Errorf("the stream ended after %s with %v", took, last)
	} else {
		control.Within("the end of the stream", took, 2*time.Second)
	}
	s.Send(http.MethodDelete, job, s.Login("acme", "integration").Access, "").Want(http.StatusOK) // the stop would wait for it
}
