package e2e

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestIdempotencyKey(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		token := s.login("acme", "integration").Access
		const params = `{"data_inicio":"2026-01-01"}`

		// Sync: the same answer again, to the moment of its execution.
		first := s.call("vendas-por-regiao", token, params, "Idempotency-Key", "k-1").want(http.StatusOK)
		plain := s.call("vendas-por-regiao", token, params).want(http.StatusOK)
		if got, want := withoutMoment(t, first.Body), withoutMoment(t, plain.Body); !bytes.Equal(got, want) {
			t.Errorf("the answer with a key differs:\ngot  %s\nwant %s", got, want)
		}
		time.Sleep(1100 * time.Millisecond) // executed_at has whole seconds
		second := s.call("vendas-por-regiao", token, params, "Idempotency-Key", `"k-1"`).want(http.StatusOK)
		if !bytes.Equal(first.Body, second.Body) || second.Header.Get("Idempotent-Replayed") != "true" || first.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("replayed %v\nfirst  %s\nsecond %s", second.Header, first.Body, second.Body)
		}
		s.call("vendas-por-regiao", token, `{"data_inicio":"2026-01-02"}`, "Idempotency-Key", "k-1").
			problem(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")
		// A key belongs to an endpoint and a company.
		s.call("few", token, `{}`, "Idempotency-Key", "k-1").want(http.StatusOK)
		other := s.login("globex", "reader").Access
		if got := s.call("vendas-por-regiao", other, params, "Idempotency-Key", "k-1").want(http.StatusOK); bytes.Contains(got.Body, []byte("Sul")) {
			t.Errorf("another company's answer: %s", got.Body)
		}
		// Users of one company whose share contexts differ do not get each other's answers.
		limited := s.login("acme", "limited").Access
		s.call("vendas-por-regiao", limited, params, "Idempotency-Key", "k-1").
			problem(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")

		// A failure is kept too.
		failed := s.call("broken", token, `{"n":1}`, "Idempotency-Key", "k-2").problem(http.StatusInternalServerError, "INTERNAL_ERROR")
		again := s.call("broken", token, `{"n":1}`, "Idempotency-Key", "k-2").problem(http.StatusInternalServerError, "INTERNAL_ERROR")
		if !bytes.Equal(failed.Body, again.Body) || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("got %s, then %s", failed.Body, again.Body)
		}
		// One that is refused before it is work leaves the key free.
		s.call("types", token, `{"i":0}`, "Idempotency-Key", "k-3").problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
		s.call("types", token, `{"i":1}`, "Idempotency-Key", "k-3").want(http.StatusOK)

		// Async: the same job, however far it is.
		job := s.call("relatorio-mensal", token, `{"mes":"2026-03"}`, "Idempotency-Key", "k-4").job()
		if same := s.call("relatorio-mensal", token, `{ "mes" : "2026-03" }`, "Idempotency-Key", "k-4").job(); same != job {
			t.Errorf("got %s and %s", job, same)
		}
		s.await(job, token)
		if same := s.call("relatorio-mensal", token, `{"mes":"2026-03"}`, "Idempotency-Key", "k-4").job(); same != job {
			t.Errorf("got %s and %s", job, same)
		}
		s.call("relatorio-mensal", token, `{"mes":"2026-03"}`, "Idempotency-Key", "k-4", "Prefer", "wait=10").want(http.StatusOK)
		s.post(endpoints+"relatorio-mensal/execute", token, `{"parameter_values":{"mes":"2026-03"}}`).job()

		// In flight: a sync caller is told to come again.
		done := make(chan answer)
		go func() {
			got, _ := s.trySend(t.Context(), http.MethodPost, endpoints+"endless/execute", token, `{"parameter_values":{}}`, "Idempotency-Key", "k-5")
			done <- got
		}()
		var list listing
		eventually(t, "the request is in flight", patience, func() bool {
			s.get(endpoints+"endless/jobs", token).want(http.StatusOK).decode(&list)
			return len(list.Jobs) == 1
		})
		conflict := s.call("endless", token, `{}`, "Idempotency-Key", "k-5").problem(http.StatusConflict, "IDEMPOTENCY_CONFLICT")
		if conflict.Header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", conflict.Header.Get("Retry-After"))
		}
		s.send(http.MethodDelete, endpoints+"endless/jobs/"+list.Jobs[0].ID, token, "").want(http.StatusOK)
		if got := <-done; got.Status < 400 {
			t.Errorf("the call whose work was cancelled got %d %s", got.Status, got.Body)
		}
		s.call("slow", token, `{}`, "Idempotency-Key", "k-6").problem(http.StatusRequestTimeout, "EXECUTION_TIMEOUT")

		for name, key := range map[string]string{
			"empty": "", "long": strings.Repeat("k", 256), "space": "a b", "not ASCII": "chave-ç", "half": `"k`, "two": `"a" "b"`, "empty quoted": `""`,
		} {
			if got := s.call("few", token, `{}`, "Idempotency-Key", key); got.Status != http.StatusBadRequest {
				t.Errorf("%s: got %d %s", name, got.Status, got.Body)
			}
		}
		s.call("few", token, `{}`, "Idempotency-Key", "a", "Idempotency-Key", "b").problem(http.StatusBadRequest, "INVALID_REQUEST")
		s.call("few", token, `{}`, "Idempotency-Key", strings.Repeat("k", 255)).want(http.StatusOK)
	})
}

// However many of one request arrive at once, one job comes of them.
func TestIdempotencyKeyRace(t *testing.T) {
	s := controlServer(t, engines[0])
	token := s.login("acme", "integration").Access
	var mu sync.Mutex
	jobs := make(map[string]int)
	var callers sync.WaitGroup
	for range 40 {
		callers.Go(func() {
			got, err := s.trySend(t.Context(), http.MethodPost, endpoints+"relatorio-mensal/execute", token,
				`{"parameter_values":{"mes":"2026-03"}}`, "Idempotency-Key", "race")
			mu.Lock()
			defer mu.Unlock()
			if err != nil || got.Status != http.StatusAccepted {
				t.Errorf("got %d %s %v", got.Status, got.Body, err)
			}
			jobs[got.Header.Get("Location")]++
		})
	}
	callers.Wait()
	var list listing
	s.get(endpoints+"relatorio-mensal/jobs", token).want(http.StatusOK).decode(&list)
	if len(jobs) != 1 || len(list.Jobs) != 1 {
		t.Errorf("%d jobs were answered, %d are there", len(jobs), len(list.Jobs))
	}
	// The key outlives the server.
	s.stop()
	s.start()
	for pollingURL := range jobs {
		if same := s.call("relatorio-mensal", token, `{"mes":"2026-03"}`, "Idempotency-Key", "race").job(); same != pollingURL {
			t.Errorf("after a restart the job is %s, not %s", same, pollingURL)
		}
	}
}
