package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// event is a server-sent event.
type event struct{ name, data string }

// openStream follows a job. The channel is closed at the stream's end; the error is then known, io.EOF for a proper one.
func (s *server) openStream(ctx context.Context, path, token string) (events <-chan event, ended func() error, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL(path), nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request) //nolint:bodyclose // it is closed at the stream's end, below
	if err != nil {
		return nil, nil, err
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		_ = response.Body.Close()
		return nil, nil, fmt.Errorf("got %d of type %q", response.StatusCode, response.Header.Get("Content-Type"))
	}
	found := make(chan event)
	var last error
	go func() {
		defer close(found)
		defer response.Body.Close()
		reader := bufio.NewReader(response.Body)
		var next event
		for {
			line, err := reader.ReadString('\n')
			if err != nil {
				last = err
				return
			}
			switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); name {
			case "event":
				next.name = value
			case "data":
				next.data = value
			case "":
				found <- next
				next = event{}
			}
		}
	}()
	return found, func() error { return last }, nil
}

type progressDocument struct {
	document
	Progress *struct {
		Rows      int64 `json:"rows"`
		ElapsedMS int64 `json:"elapsed_ms"`
	} `json:"progress"`
}

func (e event) document(t *testing.T) (d progressDocument) {
	t.Helper()
	if err := json.Unmarshal([]byte(e.data), &d); err != nil {
		t.Fatalf("%v in %q", err, e.data)
	}
	return d
}

func TestEventStream(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		token := s.Login("acme", "integration").Access
		job := s.Call("slow-job", token, `{}`, "Prefer", "respond-async").Job()
		events, ended, err := s.openStream(t.Context(), job, token)
		if err != nil {
			t.Fatal(err)
		}
		var all []event
		for e := range events {
			all = append(all, e)
		}
		if err := ended(); err != io.EOF { //nolint:errorlint // a proper end is io.EOF itself
			t.Errorf("the stream ended with %v", err)
		}
		if len(all) < 2 || all[0].name != "progress" || all[0].document(t).Status != "processing" {
			t.Fatalf("events %v", all)
		}
		last := all[len(all)-1]
		if got := last.document(t); last.name != "end" || got.Status != "failed" || got.Error == nil || got.Error.Code != "EXECUTION_TIMEOUT" {
			t.Errorf("the last event is %v", last)
		}
		// Of a job that has ended there is the end alone.
		events, _, err = s.openStream(t.Context(), job, token)
		if err != nil {
			t.Fatal(err)
		}
		if only := <-events; only.name != "end" {
			t.Errorf("the only event is %v", only)
		}
		if _, more := <-events; more {
			t.Error("there are events after the end")
		}

		// Progress: the rows of a run that takes a while, and its time.
		running := s.Call("steady-job", token, `{}`).Job()
		events, _, err = s.openStream(t.Context(), running, token)
		if err != nil {
			t.Fatal(err)
		}
		var rows, elapsed int64
		var final progressDocument
		for e := range events {
			final = e.document(t)
			if final.Progress != nil {
				if final.Progress.Rows < rows || final.Progress.ElapsedMS < elapsed {
					t.Errorf("progress goes back: %s", e.data)
				}
				rows, elapsed = final.Progress.Rows, final.Progress.ElapsedMS
			}
		}
		if final.Status != "completed" || final.Progress != nil {
			t.Errorf("the end is %+v", final)
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
	s := controlServer(t, engines[0])
	token := s.Login("acme", "integration").Access
	job := s.Call("endless-job", token, `{}`).Job()
	events, _, err := s.openStream(t.Context(), job, token)
	if err != nil {
		t.Fatal(err)
	}
	<-events
	var keys []struct {
		ID string `json:"api_key"`
	}
	if err := json.Unmarshal([]byte(s.mustCLI(s.admin("keys", "list", "--company", "acme", "--json")...)), &keys); err != nil || len(keys) != 1 {
		t.Fatalf("keys list: %v, %v", keys, err)
	}
	s.mustCLI(s.admin("keys", "revoke", keys[0].ID)...)
	revoked := time.Now()
	var last event
	for e := range events {
		last = e
	}
	if took := time.Since(revoked); last.name != "reconnect" {
		t.Errorf("the stream ended after %s with %v", took, last)
	} else {
		s.Within("the end of the stream", took, 2*time.Second)
	}
	s.Send(http.MethodDelete, job, s.Login("acme", "integration").Access, "").Want(http.StatusOK) // the stop would wait for it
}

// A reload, and the server's end, wait for nobody who waits for a job; and who waits is answered, not cut off.
func TestWaitersEndWithTheConfiguration(t *testing.T) {
	const each = 50
	s := controlServer(t, engines[0])
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
	waiters := openWaiters(t, s, job, token, each)
	took := timed(reload)
	ended := timed(waiters.Wait)
	t.Logf("a reload took %s, and %s with %d long polls and %d event streams, which had ended %s later",
		bare.Round(time.Millisecond), took.Round(time.Millisecond), each, each, ended.Round(time.Millisecond))
	s.Within("the reload", took, bare+time.Second)
	s.Within("the end of all who waited", ended, 2*time.Second)
	// The job goes on under the new configuration.
	var still document
	s.Get(job, token).Want(http.StatusOK).Decode(&still)
	if still.Status != "processing" {
		t.Errorf("after the reload the job is %+v", still)
	}
	s.Send(http.MethodDelete, job, token, "").Want(http.StatusOK)

	waiting := s.Call("endless-job", token, `{}`).Job()
	waiters = openWaiters(t, s, waiting, token, each)
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
	// The drain of running jobs takes 10 s; more would be somebody who is waited for.
	took = time.Since(begun)
	if answered > took/2 || took > 25*time.Second {
		t.Errorf("who waited was answered after %s of the %s that the stop took", answered, took)
	}
	s.start()
	// The jobs run again; the stop at the end would wait for them.
	var list listing
	s.Get(endpoints+"endless/jobs", token).Want(http.StatusOK).Decode(&list)
	s.Send(http.MethodDelete, waiting, token, "").Want(http.StatusOK)
	s.Send(http.MethodDelete, endpoints+"endless/jobs/"+list.Jobs[0].ID, token, "").Want(http.StatusOK)
}

// openWaiters opens long polls and event streams, n of each, and returns when the server has them all.
func openWaiters(t *testing.T, s *server, job, token string, n int) *sync.WaitGroup {
	t.Helper()
	waiting := new(sync.WaitGroup)
	var begun sync.WaitGroup
	for range n {
		begun.Add(1)
		waiting.Go(func() {
			events, ended, err := s.openStream(t.Context(), job, token)
			if err != nil {
				begun.Done()
				t.Error(err)
				return
			}
			<-events
			begun.Done()
			var last event
			for e := range events {
				last = e
			}
			if err := ended(); err != io.EOF || last.name != "reconnect" { //nolint:errorlint // a proper end is io.EOF itself
				t.Errorf("a stream ended with %v, %v", last, err)
			}
		})
		waiting.Go(func() {
			got, err := s.TrySend(t.Context(), http.MethodGet, job, token, "", "Prefer", "wait=60")
			var still document
			if err != nil || got.Status != http.StatusOK || json.Unmarshal(got.Body, &still) != nil || still.Status != "processing" {
				t.Errorf("a long poll got %d %s %v", got.Status, got.Body, err)
			}
		})
	}
	begun.Wait()
	time.Sleep(300 * time.Millisecond) // nothing shows from outside that a long poll has been taken
	return waiting
}
