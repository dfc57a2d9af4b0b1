package callback_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
)

func TestDeliveryIsSignedAndHoldsTheDocument(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	receiver := newReceiver(t, status(204))
	d := start(t, store, callback.Options{})
	redacted := json.RawMessage(`{"month":"2026-01"}`)
	attachTo(t, d, callback.Config{AllowedHosts: []string{receiver.host()}, Redacted: func(job.Job) json.RawMessage { return redacted }})
	id := endJob(t, store, d, time.Now(), receiver.URL+"/hook?x=1", `{"row_count": 0}`)
	delivery := await(t, store, id, in(callback.Delivered))
	requests := receiver.all()
	if len(requests) != 1 || requests[0].method != http.MethodPost {
		t.Fatalf("got %d requests: %+v", len(requests), requests)
	}
	request := requests[0]
	if request.header.Get("Content-Type") != "application/json" || request.header.Get("webhook-id") != "msg_"+id.String() {
		t.Errorf("header %v", request.header)
	}
	j, err := store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var document strings.Builder
	about := job.About{Endpoint: j.Address.Path(), PollingURL: j.PollingPath, Parameters: redacted}
	if err := job.WriteDescribed(&document, j, strings.NewReader(`{"row_count": 0}`), nil, about); err != nil {
		t.Fatal(err)
	}
	if string(request.body) != document.String() || !json.Valid(request.body) {
		t.Errorf("body %s, want %s", request.body, document.String())
	}
	if len(delivery.Log) != 1 || delivery.Log[0].Status != 204 || delivery.Log[0].Error != "" || delivery.EndedAt.IsZero() {
		t.Errorf("delivery %+v", delivery)
	}

	secret, err := d.Secret(t.Context(), "acme", "integration")
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(request.body, request.header); err != nil {
		t.Errorf("the reference library refuses the signature: %v", err)
	}
	tampered := append([]byte(nil), request.body...)
	tampered[len(tampered)/2] ^= 1
	if verifier.Verify(tampered, request.header) == nil {
		t.Error("a changed body verifies")
	}
	other, err := d.Secret(t.Context(), "acme", "another")
	if err != nil || other == secret || !strings.HasPrefix(other, "whsec_") {
		t.Errorf("another user's secret %q, %v", other, err)
	}
	stranger, err := standardwebhooks.NewWebhook(other)
	if err != nil {
		t.Fatal(err)
	}
	if stranger.Verify(request.body, request.header) == nil {
		t.Error("another user's secret verifies")
	}
}

func TestFailedJobIsAnnouncedWithoutItsCause(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	receiver := newReceiver(t, status(200))
	d := start(t, store, callback.Options{})
	attachTo(t, d, callback.Config{AllowedHosts: []string{receiver.host()}})
	id := endJob(t, store, d, time.Now(), receiver.URL, "fail")
	await(t, store, id, in(callback.Delivered))
	body := string(receiver.all()[0].body)
	if !strings.Contains(body, `"status":"failed","result":null,"error":{"code":"INTERNAL_ERROR"`) || strings.Contains(body, "SELECT") {
		t.Errorf("body %s", body)
	}
}

func TestLargeResultIsLeftOut(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	receiver := newReceiver(t, status(200))
	d := start(t, store, callback.Options{})
	config := callback.Config{AllowedHosts: []string{receiver.host()}}
	fits, large := `"`+strings.Repeat("x", 256<<10-2)+`"`, `"`+strings.Repeat("x", 256<<10-1)+`"`
	for i, c := range []struct {
		text    string
		max     int64
		omitted bool
	}{{fits, 0, false}, {large, 0, true}, {`"x"`, 3, false}, {`"xx"`, 3, true}, {`1`, -1, true}} {
		config.MaxResult = c.max
		attachment := attachTo(t, d, config)
		await(t, store, endJob(t, store, d, time.Now(), receiver.URL, c.text), in(callback.Delivered))
		attachment.Detach()
		var document struct {
			Result  json.RawMessage `json:"result"`
			Omitted bool            `json:"result_omitted"`
		}
		if err := json.Unmarshal(receiver.all()[i].body, &document); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{true: "null", false: c.text}[c.omitted]; document.Omitted != c.omitted || string(document.Result) != want {
			t.Errorf("case %d: omitted %v, result of %d bytes", i, document.Omitted, len(document.Result))
		}
	}
}

func TestScheduleIsFollowedToTheDeadLetter(t *testing.T) {
	t.Parallel()
	store, clock := newStore(t), newClock()
	receiver := newReceiver(t, status(500))
	d := start(t, store, callback.Options{Now: clock.Now})
	var asked atomic.Int64
	attachTo(t, d, callback.Config{AllowedHosts: []string{receiver.host()}, Authorize: func(context.Context, callback.Delivery) error {
		asked.Add(1)
		return nil
	}})
	idle := func() bool { // a try that is under way is asked about
		asked.Store(0)
		d.Recheck(t.Context())
		return asked.Load() == 0
	}
	id := endJob(t, store, d, clock.Now(), receiver.URL, "1")
	d.Wake()
	schedule := callback.Schedule()
	var last time.Time
	for i := range schedule {
		delivery := await(t, store, id, tried(i+1))
		if i > 0 {
			if gap := delivery.Log[i].At.Sub(last); gap < schedule[i] || gap > schedule[i]*11/10+time.Second {
				t.Errorf("try %d came after %v, want %v", i+1, gap, schedule[i])
			}
		}
		last = delivery.Log[i].At
		if i == len(schedule)-1 {
			if delivery.State != callback.Dead || delivery.EndedAt.IsZero() || !delivery.NextAttempt.IsZero() {
				t.Errorf("after the last try: %+v", delivery)
			}
			break
		}
		if delivery.State != callback.Pending {
			t.Fatalf("after try %d: %+v", i+1, delivery)
		}
		for !idle() { // the clock must not leap while a try ends that was stored already: it would be put off
			time.Sleep(time.Millisecond)
		}
		clock.advance(delivery.NextAttempt.Sub(clock.Now()) - time.Millisecond)
		d.Wake()
		time.Sleep(10 * time.Millisecond)
		if n := len(receiver.all()); n != i+1 {
			t.Fatalf("try %d came too early", n)
		}
		clock.advance(time.Millisecond)
		d.Wake()
	}
	requests, ids, stamps := receiver.all(), map[string]bool{}, map[string]bool{}
	for _, request := range requests {
		ids[request.header.Get("webhook-id")] = true
		stamps[request.header.Get("webhook-timestamp")] = true
	}
	if len(requests) != 10 || len(ids) != 1 || len(stamps) != 10 {
		t.Errorf("%d requests with %d ids and %d timestamps", len(requests), len(ids), len(stamps))
	}
	dead, err := store.ListDeliveries(t.Context(), callback.Dead, job.ID{}, 10)
	if err != nil || len(dead) != 1 || dead[0].JobID != id {
		t.Errorf("dead letters %+v, %v", dead, err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	elsewhere := newReceiver(t, status(200))
	cases := []struct {
		name   string
		answer http.HandlerFunc
		check  func(d callback.Delivery) bool
	}{
		{"200", status(200), in(callback.Delivered)},
		{"299", status(299), in(callback.Delivered)},
		{"410 stops", status(410), in(callback.Dead)},
		{"404 is tried again", status(404), func(d callback.Delivery) bool {
			return d.State == callback.Pending && len(d.Log) > 0 && d.Log[0].Status == 404
		}},
		{"redirect is a failure", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, func(d callback.Delivery) bool {
			return d.State == callback.Pending && len(d.Log) > 0 && d.Log[0].Status == 307
		}},
		{"Retry-After puts off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, func(d callback.Delivery) bool {
			return len(d.Log) == 1 && time.Until(d.NextAttempt) > 59*time.Minute && time.Until(d.NextAttempt) < 61*time.Minute
		}},
		{"a connection that breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			func(d callback.Delivery) bool { return len(d.Log) > 0 && d.Log[0].Status == 0 && d.Log[0].Error != "" }},
		{"no answer in time", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			func(d callback.Delivery) bool {
				return len(d.Log) > 0 && d.Log[0].Took < 15*time.Second && strings.Contains(d.Log[0].Error, "deadline")
			}},
		{"an endless answer", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}, in(callback.Delivered)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			store, receiver := newStore(t), newReceiver(t, c.answer)
			timeout := patience // a receiver that a busy machine makes slow gives an answer, too
			if c.name == "no answer in time" {
				timeout = 300 * time.Millisecond
			}
			d := start(t, store, callback.Options{Timeout: timeout})
			attachTo(t, d, callback.Config{AllowedHosts: []string{receiver.host(), elsewhere.host()}})
			id := endJob(t, store, d, time.Now(), receiver.URL+"/secret-token", "1")
			delivery := await(t, store, id, c.check)
			for _, try := range delivery.Log {
				if strings.Contains(try.Error, "secret-token") {
					t.Errorf("the log tells the URL: %s", try.Error)
				}
			}
		})
	}
	t.Cleanup(func() {
		if n := len(elsewhere.all()); n != 0 {
			t.Errorf("a redirect was followed %d times", n)
		}
	})
}
