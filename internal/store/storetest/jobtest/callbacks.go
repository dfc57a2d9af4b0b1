package jobtest

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
)

func testDeliveryOutbox(t *testing.T, s Stores) {
	for _, status := range []job.Status{job.Completed, job.Failed, job.Cancelled} {
		j := newJob("acme")
		j.CallbackURL = "https://hooks.example.com/"
		acceptJob(t, s, j)
		claimOne(t, s, start)
		_, err := FindDelivery(t.Context(), s.Callbacks, j.ID)
		wantErr(t, "before the end", err, callback.ErrNotFound)
		outcome := job.Outcome{Status: status, CompletedAt: start, ExpiresAt: start.Add(time.Hour)}
		for range 2 { // the second one is a repetition, which must not announce again
			if err := tryFinish(s, j.ID, 1, outcome); err != nil {
				t.Fatal(err)
			}
		}
		want := callback.Delivery{
			JobID: j.ID, Company: j.Company, User: j.User, URL: j.CallbackURL, State: callback.Pending,
			CreatedAt: start.UTC(), NextAttempt: start.UTC(),
		}
		if d := delivery(t, s, j.ID); !reflect.DeepEqual(d, want) {
			t.Errorf("%s: got %s, want %s", status, show(d), show(want))
		}
		due, _, err := s.Callbacks.ClaimDeliveries(t.Context(), start, start.Add(time.Minute), callback.Capacity{Deliveries: 10})
		if err != nil || len(due) != 1 {
			t.Fatalf("%s: claimed %d, %v", status, len(due), err)
		}
	}
	silent := accept(t, s, "acme")
	finish(t, s, claimOne(t, s, start), failed(start))
	_, err := FindDelivery(t.Context(), s.Callbacks, silent.ID)
	wantErr(t, "a job without a callback", err, callback.ErrNotFound)
	lost := newJob("acme")
	lost.CallbackURL = "https://hooks.example.com/"
	acceptJob(t, s, lost)
	wantErr(t, "an end that is refused", tryFinish(s, lost.ID, 7, failed(start)), job.ErrLost)
	_, err = FindDelivery(t.Context(), s.Callbacks, lost.ID)
	wantErr(t, "its delivery", err, callback.ErrNotFound)
}

func testDeliveryClaim(t *testing.T, s Stores) {
	none := func(now, wantNext time.Time) {
		t.Helper()
		due, next, err := s.Callbacks.ClaimDeliveries(t.Context(), now, now.Add(time.Minute), callback.Capacity{Deliveries: 10})
		if err != nil || len(due) != 0 || !next.Equal(wantNext) {
			t.Fatalf("claimed %d, next %v, %v; want none, next %v", len(due), next, err, wantNext)
		}
	}
	none(start, time.Time{})
	second, first := endWithCallback(t, s, start.Add(time.Second)), endWithCallback(t, s, start)
	none(start.Add(-1), start)
	due, _, err := s.Callbacks.ClaimDeliveries(t.Context(), start, start.Add(time.Minute), callback.Capacity{Deliveries: 10})
	if err != nil || len(due) != 1 || due[0].JobID != first.ID || due[0].Attempt != 1 || !due[0].NextAttempt.Equal(start.Add(time.Minute)) {
		t.Fatalf("claimed %s, %v", show(due), err)
	}
	if d := delivery(t, s, first.ID); !reflect.DeepEqual(d, due[0]) {
		t.Errorf("stored %s, claimed %s", show(d), show(due[0]))
	}
	none(start.Add(time.Second-1), start.Add(time.Second))
	due, _, err = s.Callbacks.ClaimDeliveries(t.Context(), start.Add(time.Second), start.Add(time.Hour), callback.Capacity{Deliveries: 10})
	if err != nil || len(due) != 1 || due[0].JobID != second.ID {
		t.Fatalf("claimed %s, %v", show(due), err)
	}
	// The claim of the first one was not extended: it is due again.
	due, _, err = s.Callbacks.ClaimDeliveries(t.Context(), start.Add(time.Minute), start.Add(2*time.Minute), callback.Capacity{Deliveries: 10})
	if err != nil || len(due) != 1 || due[0].JobID != first.ID || due[0].Attempt != 2 {
		t.Fatalf("claimed %s, %v", show(due), err)
	}
}

// endOn ends a job of a company whose end is announced to a host.
func endOn(tb testing.TB, s Stores, company, url string) job.ID {
	tb.Helper()
	j := newJob(company)
	j.CallbackURL = url
	acceptJob(tb, s, j)
	finish(tb, s, j, failed(start))
	return j.ID
}

// Companies and hosts share what is claimed; one without room is passed over, and loses nothing by it.
func testDeliveryOrder(t *testing.T, s Stores) {
	claim := func(room callback.Capacity) (due []callback.Delivery) {
		t.Helper()
		due, _, err := s.Callbacks.ClaimDeliveries(t.Context(), start, start.Add(time.Minute), room)
		if err != nil {
			t.Fatal(err)
		}
		return due
	}
	const dead, good = "https://dead.example.com/", "https://good.example.com/"
	for range 40 {
		endOn(t, s, "busy", dead)
	}
	first, second := endOn(t, s, "busy", good), endOn(t, s, "busy", "https://GOOD.example.com:443/second")
	other := endOn(t, s, "other", dead)
	due := claim(callback.Capacity{Deliveries: 4})
	found := map[job.ID]bool{}
	for _, d := range due {
		found[d.JobID] = true
	}
	if len(due) != 4 || !found[first] || !found[other] || found[second] {
		t.Fatalf("claimed %s, want one of the other company, and of each host", show(due))
	}
	busy := callback.Capacity{Deliveries: 5, PerCompany: 3, Running: map[string]int{"busy": 3}}
	if got := claim(busy); len(got) != 0 {
		t.Fatalf("claimed %s of a company without room", show(got))
	}
	full := callback.Capacity{Deliveries: 5, PerHost: 2, Hosts: map[string]int{"dead.example.com:443": 2}}
	if got := claim(full); len(got) != 1 || got[0].JobID != second {
		t.Fatalf("claimed %s, want the one to the host that has room", show(got))
	}
	left := callback.Capacity{Deliveries: 5, Left: func(line callback.Line) int {
		if line == (callback.Line{Company: "busy", Host: "dead.example.com:443"}) {
			return 2
		}
		return 0
	}}
	if got := claim(left); len(got) != 2 {
		t.Fatalf("claimed %s, want two", show(got))
	}
	shared := callback.Capacity{Deliveries: 30, PerHost: 3, PerCompany: 10}
	if got := claim(shared); len(got) != 3 {
		t.Fatalf("claimed %s, want as many as one host may have", show(got))
	}
	if got := claim(callback.Capacity{Deliveries: 100}); len(got) != 40-2-2-3 {
		t.Fatalf("claimed %d, want all that are left", len(got))
	}
}

// What its caller tries itself is not claimed again, whatever the caller's clock says.
func testDeliveryHeld(t *testing.T, s Stores) {
	id := endOn(t, s, "acme", "https://hooks.example.com/")
	due, _, err := s.Callbacks.ClaimDeliveries(t.Context(), start, start.Add(time.Minute), callback.Capacity{Deliveries: 1})
	if err != nil || len(due) != 1 {
		t.Fatalf("claimed %s, %v", show(due), err)
	}
	late := start.Add(time.Hour)
	due, _, err = s.Callbacks.ClaimDeliveries(t.Context(), late, late.Add(time.Minute), callback.Capacity{Deliveries: 1, Held: map[job.ID]int{id: 1}})
	if err != nil || len(due) != 0 {
		t.Fatalf("claimed %s, %v", show(due), err)
	}
	if d := delivery(t, s, id); d.Attempt != 1 || !d.NextAttempt.Equal(late.Add(time.Minute)) {
		t.Errorf("stored %s", show(d))
	}
	due, _, err = s.Callbacks.ClaimDeliveries(t.Context(), late.Add(time.Minute), late.Add(time.Hour), callback.Capacity{Deliveries: 1})
	if err != nil || len(due) != 1 || due[0].Attempt != 2 {
		t.Errorf("claimed %s, %v", show(due), err)
	}
}

func testDeliveryClaimConcurrently(t *testing.T, s Stores) {
	for range 40 {
		endWithCallback(t, s, start)
	}
	var mu sync.Mutex
	claims := map[job.ID]int{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				due, _, err := s.Callbacks.ClaimDeliveries(context.Background(), start, start.Add(time.Hour), callback.Capacity{Deliveries: 3})
				if err != nil {
					t.Error(err)
				}
				if len(due) == 0 {
					return
				}
				mu.Lock()
				for _, d := range due {
					claims[d.JobID]++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(claims) != 40 {
		t.Errorf("%d deliveries were claimed, want 40", len(claims))
	}
	for id, n := range claims {
		if n != 1 {
			t.Errorf("the delivery of %s was claimed %d times", id, n)
		}
	}
}

func testDeliverySettle(t *testing.T, s Stores) {
	j := endWithCallback(t, s, start)
	claim := func(now time.Time) callback.Delivery {
		t.Helper()
		due, _, err := s.Callbacks.ClaimDeliveries(t.Context(), now, now.Add(time.Minute), callback.Capacity{Deliveries: 10})
		if err != nil || len(due) != 1 {
			t.Fatalf("claimed %d, %v", len(due), err)
		}
		return due[0]
	}
	stale := claim(start)
	again := stale
	again.NextAttempt, again.Forgiven = start.Add(5*time.Second), 1
	again.Log = []callback.Try{{At: start.UTC(), Took: time.Second, Status: 500, Error: "the receiver answered 500"}}
	again.URL, again.Company = "https://elsewhere.example.com/", "globex" // not what came of the attempt: ignored
	if err := s.Callbacks.SettleDelivery(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	again.URL, again.Company = stale.URL, stale.Company
	again.NextAttempt = again.NextAttempt.UTC()
	if d := delivery(t, s, j.ID); !reflect.DeepEqual(d, again) {
		t.Errorf("got %s, want %s", show(d), show(again))
	}
	current := claim(start.Add(5 * time.Second))
	if current.Attempt != 2 || current.Tries() != 1 || len(current.Log) != 1 {
		t.Errorf("claimed %s", show(current))
	}
	stale.State, stale.EndedAt = callback.Dead, start
	wantErr(t, "an old attempt", s.Callbacks.SettleDelivery(t.Context(), stale), callback.ErrLost)

	current.State, current.EndedAt, current.NextAttempt = callback.Delivered, start.Add(6*time.Second), time.Time{}
	for range 2 {
		if err := s.Callbacks.SettleDelivery(t.Context(), current); err != nil {
			t.Fatal(err)
		}
	}
	dead := current
	dead.State = callback.Dead
	wantErr(t, "another end", s.Callbacks.SettleDelivery(t.Context(), dead), callback.ErrLost)
	if d := delivery(t, s, j.ID); d.State != callback.Delivered || !d.EndedAt.Equal(start.Add(6*time.Second)) {
		t.Errorf("got %s", show(d))
	}
	due, next, err := s.Callbacks.ClaimDeliveries(t.Context(), start.Add(1000*time.Hour), start, callback.Capacity{Deliveries: 1})
	if len(due) != 0 || !next.IsZero() || err != nil {
		t.Errorf("a delivery that has ended was claimed: %s, next %v, %v", show(due), next, err)
	}
	unknown := current
	unknown.JobID = newJob("acme").ID
	wantErr(t, "an unknown one", s.Callbacks.SettleDelivery(t.Context(), unknown), callback.ErrNotFound)
}

func testDeliveryList(t *testing.T, s Stores) {
	var ids []job.ID
	for i := range 6 {
		ids = append(ids, endWithCallback(t, s, start.Add(time.Duration(i)*time.Second)).ID)
	}
	due, _, err := s.Callbacks.ClaimDeliveries(t.Context(), start.Add(time.Second), start.Add(time.Minute), callback.Capacity{Deliveries: 2})
	if err != nil || len(due) != 2 {
		t.Fatalf("claimed %d, %v", len(due), err)
	}
	for _, d := range due {
		d.State, d.EndedAt, d.NextAttempt = callback.Dead, start, time.Time{}
		if err := s.Callbacks.SettleDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		state callback.State
		after job.ID
		max   int
		want  []job.ID
	}{
		{"", job.ID{}, 10, ids},
		{"", job.ID{}, 2, ids[:2]},
		{"", ids[1], 3, ids[2:5]},
		{"", ids[5], 3, nil},
		{callback.Dead, job.ID{}, 10, ids[:2]},
		{callback.Pending, job.ID{}, 10, ids[2:]},
		{callback.Pending, ids[3], 1, ids[4:5]},
		{callback.Delivered, job.ID{}, 10, nil},
	} {
		found, err := s.Callbacks.ListDeliveries(t.Context(), c.state, c.after, c.max)
		if err != nil {
			t.Fatal(err)
		}
		var got []job.ID
		for _, d := range found {
			got = append(got, d.JobID)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q after %s, at most %d: got %v, want %v", c.state, c.after, c.max, got, c.want)
		}
	}
}

func testDeliveryReplay(t *testing.T, s Stores) {
	_, err := s.Callbacks.ReplayDelivery(t.Context(), newJob("acme").ID, start)
	wantErr(t, "an unknown one", err, callback.ErrNotFound)
	j := endWithCallback(t, s, start)
	_, err = s.Callbacks.ReplayDelivery(t.Context(), j.ID, start)
	wantErr(t, "a pending one", err, callback.ErrPending)
	later := start.Add(time.Hour)
	for _, state := range []callback.State{callback.Dead, callback.Delivered} {
		due, _, err := s.Callbacks.ClaimDeliveries(t.Context(), later, later.Add(time.Minute), callback.Capacity{Deliveries: 10})
		if err != nil || len(due) != 1 {
			t.Fatalf("%s: claimed %d, %v", state, len(due), err)
		}
		ended := due[0]
		ended.State, ended.EndedAt, ended.NextAttempt = state, later, time.Time{}
		ended.Log = append(ended.Log, callback.Try{At: later.UTC(), Status: 500})
		if err := s.Callbacks.SettleDelivery(t.Context(), ended); err != nil {
			t.Fatal(err)
		}
		replayed, err := s.Callbacks.ReplayDelivery(t.Context(), j.ID, later)
		if err != nil || replayed.State != callback.Pending || !replayed.NextAttempt.Equal(later) || !replayed.EndedAt.IsZero() ||
			replayed.Tries() != 0 || len(replayed.Log) != len(ended.Log) || replayed.MessageID() != ended.MessageID() {
			t.Errorf("%s: replayed %s, %v", state, show(replayed), err)
		}
		if stored := delivery(t, s, j.ID); !reflect.DeepEqual(stored, replayed) {
			t.Errorf("stored %s, replayed %s", show(stored), show(replayed))
		}
		wantErr(t, "the attempt before", s.Callbacks.SettleDelivery(t.Context(), ended), callback.ErrLost)
	}
}

func testSigningKeyIsShownOnce(t *testing.T, s Stores) {
	shown, err := s.Callbacks.ShowSigningKey(t.Context(), "acme", "one", start, key('a'))
	if err != nil || shown.Key[0] != 'a' {
		t.Fatalf("%v, %v", shown, err)
	}
	_, err = s.Callbacks.ShowSigningKey(t.Context(), "acme", "one", start, key('b'))
	wantErr(t, "again", err, callback.ErrShown)
	// One that a callback has made was not shown yet; one that was added was.
	if _, err := s.Callbacks.SigningKeys(t.Context(), "acme", "two", start, key('c')); err != nil {
		t.Fatal(err)
	}
	if shown, err := s.Callbacks.ShowSigningKey(t.Context(), "acme", "two", start, key('d')); err != nil || shown.Key[0] != 'c' {
		t.Errorf("%v, %v", shown, err)
	}
	made, _ := key('e')()
	if err := s.Callbacks.AddSigningKey(t.Context(), "acme", "three", made, start, start); err != nil {
		t.Fatal(err)
	}
	_, err = s.Callbacks.ShowSigningKey(t.Context(), "acme", "three", start, key('f'))
	wantErr(t, "an added one", err, callback.ErrShown)
}

// key generates a signing key of one letter.
func key(letter byte) func() ([]byte, error) {
	return func() ([]byte, error) { return bytes.Repeat([]byte{letter}, 32), nil }
}

func testSigningKeys(t *testing.T, s Stores) {
	letters := func(user string, now time.Time) string {
		t.Helper()
		keys, err := s.Callbacks.SigningKeys(t.Context(), "acme", user, now, key('n'))
		if err != nil {
			t.Fatal(err)
		}
		var text []byte
		for _, k := range keys {
			text = append(text, k.Key[0])
		}
		return string(text)
	}
	add := func(letter byte, now, notAfter time.Time) {
		t.Helper()
		made, _ := key(letter)()
		if err := s.Callbacks.AddSigningKey(t.Context(), "acme", "rotating", made, now, notAfter); err != nil {
			t.Fatal(err)
		}
	}
	add('a', start, start)
	add('b', start, start.Add(time.Hour))
	add('c', start, start.Add(2*time.Hour)) // does not prolong what ends earlier
	for now, want := range map[time.Time]string{
		start: "cba", start.Add(time.Hour - 1): "cba", start.Add(time.Hour): "cb", start.Add(2 * time.Hour): "c",
	} {
		if got := letters("rotating", now); got != want {
			t.Errorf("after %v: keys %q, want %q", now.Sub(start), got, want)
		}
	}
	if letters("new", start) != "n" || letters("new", start.Add(1000*time.Hour)) != "n" {
		t.Error("a user's first key is not made, or does not stay")
	}

	sorry := errors.New("no entropy")
	_, err := s.Callbacks.SigningKeys(t.Context(), "acme", "unlucky", start, func() ([]byte, error) { return nil, sorry })
	wantErr(t, "an error of generate", err, sorry)
	for _, size := range []int{0, 23, 65} {
		_, err := s.Callbacks.SigningKeys(t.Context(), "acme", "unlucky", start, func() ([]byte, error) { return make([]byte, size), nil })
		if err == nil || s.Callbacks.AddSigningKey(t.Context(), "acme", "unlucky", make([]byte, size), start, start) == nil {
			t.Errorf("a key of %d bytes was stored", size)
		}
	}

	var group sync.WaitGroup
	got := make([]byte, 16)
	for i := range got {
		group.Go(func() {
			keys, err := s.Callbacks.SigningKeys(context.Background(), "acme", "busy", start, key(byte('a'+i)))
			if err != nil || len(keys) != 1 {
				t.Errorf("%d keys, %v", len(keys), err)
				return
			}
			got[i] = keys[0].Key[0]
		})
	}
	group.Wait()
	if !bytes.Equal(got, bytes.Repeat(got[:1], len(got))) {
		t.Errorf("callers at the same time got different keys: %q", got)
	}
}
